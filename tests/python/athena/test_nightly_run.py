"""The whole chain on six files: upload to published predictions, and what stops it."""

from pathlib import Path

import polars as pl
import pytest

from tests.athena_api import RunningApi
from tests.python.athena.athena_runs import query
from tests.python.athena.nightly_chain import Chain, make_chain
from tests.python.glue.cloud.spark import SPARK_MISSING
from tests.python.glue.cloud.state_machine import Execution

pytestmark = pytest.mark.skipif(bool(SPARK_MISSING), reason=SPARK_MISSING or "")

SHOPPERS = 300
# what holds the predictions of each task; its first column is the shopper, or the shopper's cart
PREDICTIONS = {
    "buy-again": "scores.parquet",
    "discovery": "recommendations.parquet",
    "next-in-cart": "next.parquet",
}


@pytest.fixture(scope="module")
def chain(session_api: RunningApi, tmp_path_factory: pytest.TempPathFactory) -> Chain:
    return make_chain(session_api, tmp_path_factory.mktemp("chain"), "chain")


@pytest.fixture(scope="module")
def shop(chain: Chain) -> Path:
    folder = chain.folder / "shop"
    made = chain.command("sample-shop", "--users", str(SHOPPERS), "--out", str(folder))
    assert made.returncode == 0, made.stderr
    return folder


@pytest.fixture(scope="module")
def first(chain: Chain, shop: Path) -> Execution:
    uploaded = chain.command("upload", str(shop))
    assert uploaded.returncode == 0, uploaded.stderr
    return chain.run("first")


def test_good_files_become_published_predictions(chain: Chain, first: Execution) -> None:
    assert (first.status, first.cause) == ("SUCCEEDED", None)
    assert first.mails == []
    live = chain.json("live/current.json")
    assert live["run"] == "first"
    figures = live["gates"]["buy-again"]["figures"]
    assert figures["value"] > figures["floor"] > 0
    for task, file in PREDICTIONS.items():
        assert chain.keys(f"runs/first/models/{task}/metrics.json")
        body = chain.s3.get_object(
            Bucket=chain.artifacts, Key=f"runs/first/predictions/{task}/{file}"
        )
        shoppers = pl.read_parquet(body["Body"].read()).to_series(0).unique()
        assert shoppers.len() == SHOPPERS, f"{task}: every shopper has a prediction"
    for table in ("latest", "history"):
        sql = f"select distinct run, model_version, task from chain_predictions.{table} order by 3"
        expected = [("first", "first", task) for task in PREDICTIONS]
        assert query(chain.api, sql) == expected, "the next build reads them as a source"
    scanned = [query for query in chain.api.queries() if query["state"] == "SUCCEEDED"]
    assert len(scanned) > 50, "the build's models and tests ran on the stand-in"


def test_duplicate_order_stops_before_the_export(
    chain: Chain, shop: Path, first: Execution
) -> None:
    assert first.status == "SUCCEEDED"
    live = chain.json("live/current.json")
    orders = shop / "orders.csv"
    lines = orders.read_text(encoding="utf-8").splitlines(keepends=True)
    orders.write_text("".join([*lines, lines[5]]), encoding="utf-8")
    uploaded = chain.command("upload", str(shop))
    assert uploaded.returncode == 0, uploaded.stderr
    done = chain.run("second")
    assert (done.status, done.error) == ("FAILED", "RunFailed")
    assert "Export" not in done.entered
    ((subject, message),) = done.mails
    assert subject == "shop: run failed at dbt build"
    assert "stg_orders" in message
    assert chain.json("live/current.json") == live
    assert not [key for key in chain.keys("runs/second/") if "/export/" in key]


def test_swapped_header_stops_before_the_build(chain: Chain, first: Execution) -> None:
    """The raw object is written past the upload, as another program might."""
    assert first.status == "SUCCEEDED"
    body = b"aisle,aisle_id\nmilk,1\n"
    chain.s3.put_object(Bucket=chain.raw, Key="aisles/aisles.csv", Body=body)
    done = chain.run("third")
    assert done.error == "RunFailed"
    assert "Build" not in done.entered
    ((subject, message),) = done.mails
    assert subject == "shop: run failed at catalogue against the contract"
    assert "aisles, header" in message

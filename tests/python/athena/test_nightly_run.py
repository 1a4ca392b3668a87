"""
The whole chain, driven by the real state machine: upload to published predictions.

S3, Glue's catalogue and Athena are the stand-in; the crawl is emulated; the state machine runs in
moto's interpreter; every container step runs as the command that the container would run; the
export job runs on a real pyspark.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from glue.raw.contract import raw_tables
from ml.lake.athena import copy_tables, find_tables
from ml.lake.export import EXPORTED
from tests.athena_api import RunningApi
from tests.athena_api.clients import make_client
from tests.python.athena.athena_runs import query
from tests.python.dbt_runs import ROOT
from tests.python.glue.cloud.spark import SPARK_MISSING, run_export_job
from tests.python.glue.cloud.state_machine import Execution, Parameters, TaskError, execute
from tests.python.glue.emulated_crawler import EmulatedGlue

pytestmark = pytest.mark.skipif(bool(SPARK_MISSING), reason=SPARK_MISSING or "")

RAW, ARTIFACTS, DATABASE = "chain-raw", "chain-artifacts", "chain_raw"
SHOPPERS = 300
# what holds the predictions of each task; its first column is the shopper, or the shopper's cart
PREDICTIONS = {
    "buy-again": "scores.parquet",
    "discovery": "recommendations.parquet",
    "next-in-cart": "next.parquet",
}


@dataclass(frozen=True)
class Chain:
    """An installation on the stand-in, and what its state machine's tasks really do."""

    api: RunningApi
    environment: dict[str, str]
    glue: EmulatedGlue
    s3: Any
    folder: Path

    def command(self, *arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
        """Run `python -m glue` as in the container."""
        return subprocess.run(
            [sys.executable, "-m", "glue", *arguments],
            cwd=ROOT,
            env=self.environment | more,
            capture_output=True,
            text=True,
            check=False,
        )

    def run(self, name: str) -> Execution:
        """Run the state machine once."""
        handlers = {
            "sfn:listExecutions": lambda _asked: {"Executions": []},
            "s3:listObjectsV2": self._list,
            "s3:getObject": self._get,
            "glue:startCrawler": self._start_crawler,
            "glue:getCrawler": self._get_crawler,
            "ecs:runTask.sync": self._container,
            "glue:startJobRun.sync": self._export,
        }
        return execute(handlers, name)

    def json(self, key: str) -> dict[str, Any]:
        """Read a JSON object of the artifacts."""
        body = self.s3.get_object(Bucket=ARTIFACTS, Key=key)["Body"].read()
        content: dict[str, Any] = json.loads(body)
        return content

    def keys(self, prefix: str) -> list[str]:
        """List the artifacts."""
        listed = self.s3.list_objects_v2(Bucket=ARTIFACTS, Prefix=prefix).get("Contents", [])
        return [entry["Key"] for entry in listed]

    def _start_crawler(self, asked: Parameters) -> dict[str, Any]:
        assert asked["Name"] == "shop-raw"
        self.glue.start_crawler("chain")
        return {}

    def _get_crawler(self, _asked: Parameters) -> dict[str, Any]:
        crawler = self.glue.get_crawler("chain")["Crawler"]
        # its times are no JSON
        return {"Crawler": {"State": crawler["State"], "LastCrawl": crawler["LastCrawl"]}}

    def _list(self, asked: Parameters) -> dict[str, Any]:
        found = self.s3.list_objects_v2(**asked)
        return {"Contents": [{"Key": one["Key"]} for one in found.get("Contents", [])]}

    def _get(self, asked: Parameters) -> dict[str, str]:
        try:
            body = self.s3.get_object(Bucket=ARTIFACTS, Key=asked["Key"])["Body"].read()
        except self.s3.exceptions.NoSuchKey:
            raise TaskError("S3.NoSuchKeyException") from None
        return {"Body": body.decode()}

    def _container(self, asked: Parameters) -> dict[str, Any]:
        (container,) = asked["Overrides"]["ContainerOverrides"]
        variables = {one["Name"]: one["Value"] for one in container["Environment"]}
        done = self.command(*container["Command"][3:], **variables)
        (self.folder / f"{variables['RUN_ID']}-{container['Command'][-1]}.log").write_text(
            done.stdout + done.stderr
        )
        return {"Containers": [{"ExitCode": done.returncode}]}

    def _export(self, asked: Parameters) -> dict[str, str]:
        """Run the job on copies of the tables' files: pyspark alone cannot speak to S3."""
        place = asked["Arguments"]["--out"].removeprefix("s3://shop-artifacts/")
        plan = asked["Arguments"]["--plan"].removeprefix("s3://shop-artifacts/")
        folder = self.folder / "export" / place
        (folder / "tables").mkdir(parents=True)
        with pytest.MonkeyPatch.context() as patch:
            for variable, value in self.environment.items():
                patch.setenv(variable, value)
            copy_tables(find_tables("chain", ("candidates", *EXPORTED)), folder / "tables")
        self.s3.download_file(ARTIFACTS, plan, str(folder / "plan.json"))
        run_export_job(folder / "plan.json", folder / "tables", folder / "out")
        for path in (folder / "out").iterdir():
            if not path.name.startswith("."):
                self.s3.upload_file(str(path), ARTIFACTS, place + path.name)
        return {"Id": "jr_1"}


@pytest.fixture(scope="module")
def chain(session_api: RunningApi, tmp_path_factory: pytest.TempPathFactory) -> Chain:
    folder = tmp_path_factory.mktemp("chain")
    (folder / "profiles").mkdir()
    (folder / "profiles" / "profiles.yml").write_text(
        (ROOT / "profiles.yml.example").read_text(encoding="utf-8"), encoding="utf-8"
    )
    s3, glue = make_client("s3", session_api.url), make_client("glue", session_api.url)
    for bucket in (RAW, ARTIFACTS):
        s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=RAW, VersioningConfiguration={"Status": "Enabled"})
    glue.create_database(DatabaseInput={"Name": DATABASE})
    glue.create_crawler(
        Name="chain",
        Role="arn:aws:iam::123456789012:role/crawler",
        DatabaseName=DATABASE,
        Classifiers=["chain-csv"],
        Targets={"S3Targets": [{"Path": f"s3://{RAW}/{table.name}/"} for table in raw_tables()]},
        SchemaChangePolicy={"UpdateBehavior": "LOG", "DeleteBehavior": "LOG"},
    )
    emulated = EmulatedGlue(glue, s3, classifiers={"chain-csv": {"Serde": "OpenCSVSerDe"}})
    environment = (
        os.environ
        | session_api.environment
        | {
            "NEXT_BASKET_NAME": "chain",
            "NEXT_BASKET_ARTIFACTS": f"s3://{ARTIFACTS}/",
            "ATHENA_RAW": f"s3://{RAW}/",
            "ATHENA_RAW_SCHEMA": DATABASE,
            "ATHENA_SCHEMA": "chain",
            "ATHENA_PREDICTIONS_SCHEMA": "chain_predictions",
            "DBT_PROFILES_DIR": str(folder / "profiles"),
            "DBT_LOG_PATH": str(folder / "logs"),
        }
    )
    return Chain(session_api, environment, emulated, s3, folder)


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
        body = chain.s3.get_object(Bucket=ARTIFACTS, Key=f"runs/first/predictions/{task}/{file}")
        shoppers = pl.read_parquet(body["Body"].read()).to_series(0).unique()
        assert shoppers.len() == SHOPPERS, f"{task}: every shopper has a prediction"
    published = "chain_predictions.recommendations"
    read = query(chain.api, f"select distinct model_version from {published}")
    assert read == [("first",)], "the next build reads them as a source"
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
    chain.s3.put_object(Bucket=RAW, Key="aisles/aisles.csv", Body=body)
    done = chain.run("third")
    assert done.error == "RunFailed"
    assert "Build" not in done.entered
    ((subject, message),) = done.mails
    assert subject == "shop: run failed at catalogue against the contract"
    assert "aisles, header" in message

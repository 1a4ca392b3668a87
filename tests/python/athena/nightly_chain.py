"""
An installation on the stand-in, driven by the real state machine.

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

import pytest

from ml.lake.athena import copy_tables, find_tables
from tests.athena_api import RunningApi
from tests.athena_api.clients import make_client
from tests.python.dbt_runs import ROOT
from tests.python.glue.cloud.spark import run_export_job
from tests.python.glue.cloud.state_machine import Execution, Parameters, TaskError, execute
from tests.python.glue.conftest import CRAWLED
from tests.python.glue.emulated_crawler import EmulatedGlue


@dataclass(frozen=True)
class Chain:
    """An installation on the stand-in, and what its state machine's tasks really do."""

    name: str
    api: RunningApi
    environment: dict[str, str]
    glue: EmulatedGlue
    s3: Any
    folder: Path

    @property
    def raw(self) -> str:
        """Bucket of the raw zone."""
        return f"{self.name}-raw"

    @property
    def artifacts(self) -> str:
        """Bucket of the runs."""
        return f"{self.name}-artifacts"

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
        body = self.s3.get_object(Bucket=self.artifacts, Key=key)["Body"].read()
        content: dict[str, Any] = json.loads(body)
        return content

    def keys(self, prefix: str) -> list[str]:
        """List the artifacts."""
        listed = self.s3.list_objects_v2(Bucket=self.artifacts, Prefix=prefix).get("Contents", [])
        return [entry["Key"] for entry in listed]

    def _start_crawler(self, asked: Parameters) -> dict[str, Any]:
        assert asked["Name"] == "shop-raw"
        self.glue.start_crawler(self.name)
        return {}

    def _get_crawler(self, _asked: Parameters) -> dict[str, Any]:
        crawler = self.glue.get_crawler(self.name)["Crawler"]
        # its times are no JSON
        return {"Crawler": {"State": crawler["State"], "LastCrawl": crawler["LastCrawl"]}}

    def _list(self, asked: Parameters) -> dict[str, Any]:
        found = self.s3.list_objects_v2(**asked | {"Bucket": self.raw})
        return {"Contents": [{"Key": one["Key"]} for one in found.get("Contents", [])]}

    def _get(self, asked: Parameters) -> dict[str, str]:
        try:
            body = self.s3.get_object(Bucket=self.artifacts, Key=asked["Key"])["Body"].read()
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
            self.s3.download_file(self.artifacts, plan, str(folder / "plan.json"))
            names = json.loads((folder / "plan.json").read_text(encoding="utf-8"))["tables"]
            copy_tables(find_tables(self.name, ("candidates", *names)), folder / "tables")
        run_export_job(folder / "plan.json", folder / "tables", folder / "out")
        for path in (folder / "out").iterdir():
            if not path.name.startswith("."):
                self.s3.upload_file(str(path), self.artifacts, place + path.name)
        return {"Id": "jr_1"}


def make_chain(api: RunningApi, folder: Path, name: str) -> Chain:
    """Make the buckets, the catalogue and the crawler of an installation."""
    (folder / "profiles").mkdir()
    (folder / "profiles" / "profiles.yml").write_text(
        (ROOT / "profiles.yml.example").read_text(encoding="utf-8"), encoding="utf-8"
    )
    s3, glue = make_client("s3", api.url), make_client("glue", api.url)
    raw, artifacts, database = f"{name}-raw", f"{name}-artifacts", f"{name}_raw"
    for bucket in (raw, artifacts):
        s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=raw, VersioningConfiguration={"Status": "Enabled"})
    glue.create_database(DatabaseInput={"Name": database})
    glue.create_crawler(
        Name=name,
        Role="arn:aws:iam::123456789012:role/crawler",
        DatabaseName=database,
        Classifiers=[f"{name}-csv"],
        Targets={"S3Targets": [{"Path": f"s3://{raw}/{target}/"} for target in CRAWLED]},
        SchemaChangePolicy={"UpdateBehavior": "LOG", "DeleteBehavior": "LOG"},
    )
    emulated = EmulatedGlue(glue, s3, classifiers={f"{name}-csv": {"Serde": "OpenCSVSerDe"}})
    environment = (
        os.environ
        | api.environment
        | {
            "NEXT_BASKET_NAME": name,
            "NEXT_BASKET_ARTIFACTS": f"s3://{artifacts}/",
            "ATHENA_RAW": f"s3://{raw}/",
            "ATHENA_RAW_SCHEMA": database,
            "ATHENA_SCHEMA": name,
            "ATHENA_PREDICTIONS_SCHEMA": f"{name}_predictions",
            "DBT_PROFILES_DIR": str(folder / "profiles"),
            "DBT_LOG_PATH": str(folder / "logs"),
        }
    )
    return Chain(name, api, environment, emulated, s3, folder)

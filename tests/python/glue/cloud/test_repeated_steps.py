"""
Every container step of a night is done twice, and after it was killed at every place.

A step is killed before each program that it runs and before each call that changes something; from
then on it changes nothing, as a process that is gone. What it leaves has to be what an undisturbed
step leaves once the step is done again, and publishing straight away may not mix two versions.
"""

import io
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3
import click
import polars as pl
import pytest
from botocore.client import BaseClient

from glue.cloud import steps
from glue.cloud.steps import STEPS
from ml.tasks.registry import TASKS
from ml.tasks.task import PUBLISHED
from tests.python.dbt_project.shop_with_loads import write_load, write_products
from tests.python.glue.cloud.prediction_tables import make_prediction_tables
from tests.python.glue.conftest import Account

BUCKETS = ("shop-artifacts", "shop-lake", "shop-raw")
_READING = ("Get", "List", "Head", "Describe", "BatchGet")
State = dict[str, Any]


class Killed(BaseException):
    """The process is gone."""


@dataclass
class Night:
    """A night's steps on an emulated account; what the programs make depends on the version."""

    account: Account
    work: Path
    version: str = "first"
    passes: bool = True
    left: float = float("inf")  # changes and programs until it is killed

    def step(self, name: str, *, left: float = float("inf")) -> bool:
        """Do a step, and tell whether it came to its end; else it was killed before `left`."""
        self.left = left
        work = Path(tempfile.mkdtemp(dir=self.work))
        real = BaseClient._make_api_call  # type: ignore[attr-defined]  # noqa: SLF001

        def call(client: Any, operation: str, given: dict[str, Any]) -> Any:  # noqa: ANN401
            if not operation.startswith(_READING):
                self.change()
            return real(client, operation, given)

        with (
            patch.object(BaseClient, "_make_api_call", call),
            patch.object(steps, "_run", self.program),
        ):
            try:
                STEPS[name](self.account.settings, "night-1", work)
            except Killed:
                return False
        return True

    def change(self) -> None:
        """Count something that is done; it is not done by a process that is gone."""
        if self.left <= 0:
            raise Killed
        self.left -= 1

    def program(self, command: list[str], environment: dict[str, str] | None = None) -> None:
        """Do in this process what a step's program does."""
        self.change()
        if "build" in command:
            target = Path((environment or {})["DBT_TARGET_PATH"])
            target.mkdir()
            for name in ("manifest.json", "run_results.json"):
                (target / name).write_text(f"{name} of {self.version}")
            return
        asked = command[command.index("ml") + 1]
        given = dict(zip(command[4::2], command[5::2], strict=True))
        if asked == "train":
            run = Path(given["--run"])
            run.mkdir(parents=True)
            for name in ("features.json", "model.txt"):
                (run / name).write_text(f"{given['--task']} of {self.version}")
            return
        out = Path(given["--out"])
        if asked == "predict":
            out.mkdir(parents=True)
            (task,) = [one for one in TASKS if one.name == given["--task"]]
            model = (Path(given["--run"]) / "model.txt").read_text()
            for name in (*task.writes, PUBLISHED):
                (out / name).write_text(f"{name} by {model}")
            return
        assert "--before" not in given, "nothing is live"
        made: dict[str, object] = {
            "export-plan": {"of": self.version},
            "gate": {"passed": self.passes, "figures": None, "of": self.version},
            "summarize": {"rows_out": {}, "lines": {}, "psi": {}, "columns": {}},
        }
        out.parent.mkdir(exist_ok=True)
        out.write_text(json.dumps(made[asked]))
        if asked == "gate" and not self.passes:
            raise click.ClickException("may not go live.")

    def state(self) -> State:
        """Give every object with its tags, and the catalogue; times are left out."""
        found: State = {}
        for bucket in BUCKETS:
            for key in self.keys(bucket):
                body = self.account.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
                if key == "live/current.json":
                    body = {k: v for k, v in json.loads(body).items() if k != "published_at"}
                found[f"{bucket}/{key}"] = body
        glue, settings = self.account.glue, self.account.settings
        for database in (settings.raw_database, settings.predictions_database):
            for table in glue.get_tables(DatabaseName=database)["TableList"]:
                name = f"{database}.{table['Name']}"
                found[name] = (table["StorageDescriptor"], table["Parameters"])
                pages = glue.get_partitions(DatabaseName=database, TableName=table["Name"])
                found[f"partitions of {name}"] = [
                    (one["Values"], one["StorageDescriptor"]) for one in pages["Partitions"]
                ]
        return found

    def keys(self, bucket: str) -> list[str]:
        """List a bucket."""
        listed = self.account.s3.list_objects_v2(Bucket=bucket)
        return [one["Key"] for one in listed.get("Contents", [])]

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Put every object back afterwards."""
        before = {
            (bucket, key): self.account.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            for bucket in BUCKETS
            for key in self.keys(bucket)
        }
        yield
        for bucket in BUCKETS:
            for key in self.keys(bucket):
                if (bucket, key) not in before:
                    self.account.s3.delete_object(Bucket=bucket, Key=key)
        for (bucket, key), body in before.items():
            self.account.s3.put_object(Bucket=bucket, Key=key, Body=body)

    def forget(self) -> None:
        """Take out of the catalogue what `fix-serde` adds to it."""
        glue, database = self.account.glue, self.account.settings.raw_database
        for table in glue.get_tables(DatabaseName=database)["TableList"]:
            table["StorageDescriptor"]["SerdeInfo"]["Parameters"].pop("escapeChar", None)
            kept = ("Name", "StorageDescriptor", "Parameters", "TableType", "PartitionKeys")
            glue.update_table(
                DatabaseName=database, TableInput={key: table[key] for key in kept if key in table}
            )
            found = glue.get_partitions(DatabaseName=database, TableName=table["Name"])
            for one in found["Partitions"]:
                boto3.client("glue").delete_partition(
                    DatabaseName=database, TableName=table["Name"], PartitionValues=one["Values"]
                )


@pytest.fixture
def night(account: Account, tmp_path: Path, request: pytest.FixtureRequest) -> Night:
    """Give an account with a load that was uploaded and crawled, and an export of its tables."""
    folder, run = tmp_path / "loads", request.getfixturevalue("run")
    write_products(folder, [("1", "Milk", "dairy", "")])
    line = ("11", "1", "1", "2017-03-01 09:10:00", "2", "")
    for day in ("2017-03-01", "2017-03-02"):
        write_load(folder, day, [line])
    for command in (("upload", folder), ("crawl",)):
        done = run(*command)
        assert done.exit_code == 0, done.output
    place, body = account.settings.lake, io.BytesIO()
    counts = {"load_date": ["2017-03-01"], "order_lines": [5], "rejected_lines": [2]}
    frame = pl.DataFrame(counts).with_columns(last_read_at=datetime(2999, 1, 1))  # noqa: DTZ001
    frame.write_parquet(body)
    account.s3.put_object(Bucket=place.bucket, Key="loads/1", Body=body.getvalue())
    account.glue.create_database(DatabaseInput={"Name": account.settings.lake_database})
    account.glue.create_table(
        DatabaseName=account.settings.lake_database,
        TableInput={"Name": "loads", "StorageDescriptor": {"Location": f"{place}loads/"}},
    )
    make_prediction_tables(account)
    for name in ("target_orders.parquet", "data.csv"):
        key = f"runs/night-1/export/{name}"
        account.s3.put_object(Bucket="shop-artifacts", Key=key, Body=b"x")
    work = tmp_path / "work"
    work.mkdir()
    return Night(account, work)


@pytest.mark.parametrize("name", STEPS)
def test_a_step_done_again_or_after_a_kill_leaves_what_an_undisturbed_one_does(
    night: Night, name: str
) -> None:
    for before in STEPS:
        if before == name:
            break
        assert night.step(before)
    with night.kept():
        assert night.step(name)
        expected = night.state()
        assert night.step(name)
        assert night.state() == expected, "twice"
    ended, kills = False, 0
    while not ended:
        with night.kept():
            if name == "fix-serde":
                night.forget()
            ended = night.step(name, left=kills)
            assert night.step(name)
            assert night.state() == expected, f"killed after {kills} changes"
        kills += not ended
    assert (kills > 0) == (name != "verify"), "which changes nothing"


@pytest.mark.parametrize("passes", [True, False])
@pytest.mark.parametrize("killed", ["train", "evaluate", "predict"])
def test_what_is_published_after_a_kill_is_of_one_version(
    night: Night, killed: str, passes: bool
) -> None:
    """The run is done again from its training on, with another result; then it is published."""
    chain = ("train", "evaluate", "predict")
    for name in chain:
        assert night.step(name)
    ended, kills, published = False, 0, set()
    while not ended:
        with night.kept():
            night.version, night.passes = "second", passes
            for name in chain[: chain.index(killed)]:
                night_of(night, name)
            ended = night_of(night, killed, left=kills)
            try:
                assert night.step("publish")
                published.add(versions(night))
            except click.ClickException:
                assert not any(key.startswith("live/") for key in night.keys("shop-artifacts"))
            night.version, night.passes = "first", True
        kills += 1
    whole = {("first",)} if killed == "train" else set()
    assert published == whole | ({("second",)} if killed == "predict" and passes else set())


def night_of(night: Night, name: str, left: float = float("inf")) -> bool:
    """Do a step; the gate may refuse."""
    try:
        return night.step(name, left=left)
    except click.ClickException as refusal:
        if "may not go live" not in refusal.message:
            raise
        return True


def versions(night: Night) -> tuple[str, ...]:
    """Give the versions of what is live: models, predictions, verdicts, and dbt's source."""
    state = night.state()
    live = state["shop-artifacts/live/current.json"]
    texts = {gate["of"] for gate in live["gates"].values()}
    texts |= {
        body.decode().rpartition(" ")[2]
        for key, body in state.items()
        if "/night-1/models/" in key or ("/predictions/" in key and not key.endswith("y.json"))
    }
    return tuple(sorted(texts))

"""The tables of predictions as a reader on Athena finds them, while a run goes live."""

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import click
import pytest
from botocore.client import BaseClient

from glue.cloud.prediction_tables import publish_tables
from ml.tasks.registry import TASKS
from ml.tools.s3 import sha256_of_objects
from tests.athena_api.duckdb_engine import DuckDBEngine
from tests.athena_api.statements import kind_of
from tests.python.glue.cloud.prediction_tables import make_prediction_tables
from tests.python.glue.conftest import Account
from tests.python.invented_predictions import predictions

Read = Callable[[str], list[list[str | None]]]
PRODUCTS = (100, 200)


@pytest.fixture
def read(account: Account, tmp_path: Path) -> Read:
    """Give a reader of runs, tasks and how many rows each has, over tables that a build made."""
    make_prediction_tables(account)
    engine = DuckDBEngine(account.glue, account.s3, tmp_path / "engine")

    def read(table: str) -> list[list[str | None]]:
        sql = f"select run, task, count(*) from predictions.{table} group by 1, 2 order by 1, 2"
        return engine.run(sql, kind_of(sql), "default", threading.Event()).rows

    return read


def leave_predictions(account: Account, run_id: str, products: tuple[int, ...] = PRODUCTS) -> None:
    """Leave what the step predict of a run does."""
    for task in TASKS:
        rows = predictions(
            *(
                {"run": run_id, "task": task.name, "product_id": product, "rank": rank}
                for rank, product in enumerate(products, start=1)
            )
        )
        body = io.BytesIO()
        rows.write_parquet(body)
        place = account.settings.run(run_id)
        key = place.key(f"predictions/{task.name}/predictions.parquet")
        account.s3.put_object(Bucket=place.bucket, Key=key, Body=body.getvalue())


def publish(account: Account, run_id: str) -> None:
    place = account.settings.run(run_id).below("predictions")
    publish_tables(account.settings, run_id, sha256_of_objects(account.s3, place))


def whole(*runs: str) -> list[list[str | None]]:
    """Give what is read of these runs, each with every task and all of its rows."""
    return [[run, task.name, str(len(PRODUCTS))] for run in runs for task in TASKS]


@contextmanager
def at_every_call(look: Callable[[], None]) -> Iterator[None]:
    """Call `look` before every call that any client makes, but for its own."""
    real = BaseClient._make_api_call  # type: ignore[attr-defined]  # noqa: SLF001
    is_looking: list[bool] = []

    def call(self: Any, operation: str, given: dict[str, Any]) -> Any:  # noqa: ANN401
        if not is_looking:
            is_looking.append(True)
            try:
                look()
            finally:
                is_looking.clear()
        return real(self, operation, given)

    with patch.object(BaseClient, "_make_api_call", call):
        yield


def test_a_reader_finds_one_whole_run_at_every_moment(account: Account, read: Read) -> None:
    for run_id in ("run-1", "run-2"):
        leave_predictions(account, run_id)
    assert read("latest") == read("history") == []
    publish(account, "run-1")
    assert read("latest") == read("history") == whole("run-1")
    seen = []
    with at_every_call(lambda: seen.append((read("latest"), read("history")))):
        publish(account, "run-2")
    assert len(seen) > 2 * len(TASKS)
    states = [
        (whole("run-1"), whole("run-1")),
        (whole("run-1"), whole("run-1", "run-2")),
    ]
    assert [state for n, state in enumerate(seen) if state not in seen[:n]] == states
    assert (read("latest"), read("history")) == (whole("run-2"), whole("run-1", "run-2"))
    publish(account, "run-1")
    assert (read("latest"), read("history")) == (whole("run-1"), whole("run-1", "run-2"))


class KilledError(Exception):
    """The container was stopped."""


def test_a_publication_killed_at_any_call_leaves_the_older_run(
    account: Account, read: Read
) -> None:
    for run_id in ("run-1", "run-2"):
        leave_predictions(account, run_id)
    publish(account, "run-1")
    calls: list[None] = []
    with at_every_call(lambda: calls.append(None)):
        publish(account, "run-2")
    for last in range(len(calls)):
        publish(account, "run-1")
        left = iter(range(last))

        def kill(left: Iterator[int] = left) -> None:
            if next(left, None) is None:
                raise KilledError

        with at_every_call(kill), pytest.raises(KilledError):
            publish(account, "run-2")
        assert read("latest") == whole("run-1")
    publish(account, "run-2")
    assert (read("latest"), read("history")) == (whole("run-2"), whole("run-1", "run-2"))


def test_publishing_a_run_again_changes_nothing(account: Account, read: Read) -> None:
    leave_predictions(account, "run-1")
    found = []
    for _ in range(2):
        publish(account, "run-1")
        table = account.glue.get_table(DatabaseName="predictions", Name="latest")["Table"]
        lake = account.s3.list_objects_v2(Bucket=account.settings.lake.bucket)["Contents"]
        objects = [(one["Key"], one["ETag"]) for one in lake]
        found.append((table["StorageDescriptor"], objects, read("latest"), read("history")))
    assert found[0] == found[1]
    assert found[0][2:] == (whole("run-1"), whole("run-1"))


def test_a_run_that_was_predicted_anew_is_not_written_over(account: Account, read: Read) -> None:
    """Whoever began to read the table goes on with the objects that it found."""
    leave_predictions(account, "run-1", products=(100,))
    publish(account, "run-1")
    bucket = account.settings.lake.bucket
    before = account.s3.list_objects_v2(Bucket=bucket)["Contents"]
    leave_predictions(account, "run-1")
    publish(account, "run-1")
    assert read("latest") == read("history") == whole("run-1")
    after = account.s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert {(one["Key"], one["ETag"]) for one in before} < {(o["Key"], o["ETag"]) for o in after}


def test_what_is_missing_is_named(account: Account, read: Read) -> None:
    leave_predictions(account, "run-1")
    run = account.settings.run("run-1")
    key = run.key("predictions/discovery/predictions.parquet")
    account.s3.delete_object(Bucket=run.bucket, Key=key)
    with pytest.raises(click.ClickException) as raised:
        publish(account, "run-1")
    assert raised.value.message.startswith("Run run-1 has no predictions.parquet of discovery: ")
    assert read("history") == []
    leave_predictions(account, "run-1")
    account.glue.delete_table(DatabaseName="predictions", Name="latest")
    with pytest.raises(click.ClickException) as raised:
        publish(account, "run-1")
    assert raised.value.message.startswith("There is no table predictions.latest, ")
    assert read("history") == []

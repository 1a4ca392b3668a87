"""Runs started, gone on with and shown: what is asked of the state machine, what a run cost."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner, Result

from glue.__main__ import main
from ml.tools import aws
from tests.python.glue.conftest import Account

Run = Callable[..., Result]
BEGUN = datetime(2026, 11, 30, 3, 0, tzinfo=UTC)
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:shop-etl"


@dataclass
class Machine:
    """A state machine with some runs, newest first, and a work group with their queries."""

    executions: list[dict[str, Any]] = field(default_factory=list)
    entered: list[str] = field(default_factory=list)
    queries: list[dict[str, Any]] = field(default_factory=list)
    started: list[dict[str, Any]] = field(default_factory=list)

    def list_executions(self, **asked: Any) -> dict[str, Any]:  # noqa: ANN401
        """List the runs of a status."""
        assert asked["stateMachineArn"] == MACHINE
        wanted = asked.get("statusFilter")
        return {"executions": [one for one in self.executions if wanted in {None, one["status"]}]}

    def describe_execution(self, executionArn: str) -> dict[str, Any]:  # noqa: N803
        """Describe a run."""
        (found,) = [one for one in self.executions if one["executionArn"] == executionArn]
        return found

    def start_execution(self, **asked: Any) -> dict[str, str]:  # noqa: ANN401
        """Start a run."""
        assert asked["stateMachineArn"] == MACHINE
        self.started.append(json.loads(asked["input"]))
        return {"executionArn": asked["name"]}

    def get_paginator(self, name: str) -> "Pages":
        """Give the states that a run entered, newest first, or the ids of queries."""
        if name == "get_execution_history":
            names = [{"stateEnteredEventDetails": {"name": one}} for one in self.entered]
            return Pages([{"events": [{}, *reversed(names)]}])
        return Pages([{"QueryExecutionIds": [one["QueryExecutionId"] for one in self.queries]}])

    def batch_get_query_execution(self, **_asked: Any) -> dict[str, Any]:  # noqa: ANN401
        """Describe queries."""
        return {"QueryExecutions": self.queries}


@dataclass
class Pages:
    """A paginator."""

    pages: list[dict[str, Any]]

    def paginate(self, **asked: Any) -> list[dict[str, Any]]:  # noqa: ANN401
        """Give the pages; of a history newest first."""
        assert asked.get("reverseOrder", True) is True
        return self.pages


@pytest.fixture
def machine(account: Account, monkeypatch: pytest.MonkeyPatch) -> Machine:
    assert account.settings.name == "shop"
    monkeypatch.setattr("glue.cloud.runs.account_id", lambda: "123456789012")
    made, real = Machine(), aws.client
    monkeypatch.setattr(
        "glue.cloud.runs.client",
        lambda name: made if name in {"stepfunctions", "athena"} else real(name),
    )
    return made


def execution(name: str, status: str, given: str = '{"trigger": "schedule"}') -> dict[str, Any]:
    return {
        "name": name,
        "executionArn": f"arn:{name}",
        "status": status,
        "input": given,
        "startDate": BEGUN,
        "stopDate": BEGUN + timedelta(minutes=90),
    }


def leave_files(account: Account, run_id: str) -> None:
    account.s3.put_object(Bucket="shop-artifacts", Key=f"runs/{run_id}/plan.json", Body=b"{}")


def test_start_begins_at_the_beginning(machine: Machine, run: Run) -> None:
    assert run("start").exit_code == 0
    assert machine.started == [{"trigger": "hand"}]


def test_start_and_publish_go_on_with_an_older_run(
    machine: Machine, run: Run, account: Account
) -> None:
    leave_files(account, "night-1")
    done = run("start", "--from", "train", "--run", "night-1")
    assert done.exit_code == 0, done.output
    assert done.output.rstrip().endswith("started at train of run night-1")
    assert run("publish", "--run", "night-1").exit_code == 0
    assert machine.started == [
        {"trigger": "hand", "from": "train", "run": "night-1"},
        {"trigger": "hand", "from": "publish", "run": "night-1"},
    ]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("start", "--from", "train"), "--from and --run go together"),
        (("start", "--run", "night-1"), "--from and --run go together"),
        (("start", "--from", "crawl", "--run", "night-1"), "'crawl' is not one of"),
        (("publish", "--run", "night-9"), "There is nothing of run night-9 at s3://shop-art"),
        (("retry", "night-9"), "There is no run night-9"),
        (("retry",), "There is no run yet"),
    ],
)
def test_what_cannot_be_gone_on_with_is_one_sentence(
    machine: Machine, run: Run, arguments: tuple[str, ...], told: str
) -> None:
    failed = run(*arguments)
    assert failed.exit_code != 0
    assert told in failed.output
    assert machine.started == []


def test_nothing_goes_on_beside_a_run(machine: Machine, run: Run, account: Account) -> None:
    leave_files(account, "night-1")
    machine.executions = [execution("night-2", "RUNNING"), execution("night-1", "FAILED")]
    machine.entered = ["Train"]
    for arguments in (("publish", "--run", "night-1"), ("retry", "night-1")):
        failed = run(*arguments)
        assert failed.exit_code == 1
        assert "Run night-2 is under way: wait for its end" in failed.output
    assert machine.started == []


@pytest.mark.parametrize(
    ("status", "entered", "entry"),
    [
        ("FAILED", ["ListRuns", "Build", "Export", "Train", "TrainFailed", "Alert"], "train"),
        ("ABORTED", ["ListRuns", "Build"], "build"),
        ("FAILED", ["ListRuns", "Build", "BuildExited", "Export", "ExportFailed"], "export"),
        ("TIMED_OUT", ["Train", "Evaluate", "EvaluateExited", "EvaluateFailed"], "evaluate"),
        ("FAILED", ["Evaluate", "Predict", "Failed"], "predict"),
        ("FAILED", ["Predict", "Publish", "Failed"], "publish"),
    ],
)
def test_retry_goes_on_at_the_step_that_failed(
    machine: Machine, account: Account, status: str, entered: list[str], entry: str
) -> None:
    leave_files(account, "night-1")
    machine.executions = [execution("night-1", status)]
    machine.entered = entered
    done = CliRunner().invoke(main, ["retry"])
    assert done.exit_code == 0, done.output
    assert machine.started == [{"trigger": "hand", "from": entry, "run": "night-1"}]


def test_retry_of_a_retry_goes_on_with_the_first_runs_files(
    machine: Machine, run: Run, account: Account
) -> None:
    leave_files(account, "night-1")
    given = '{"trigger": "hand", "from": "train", "run": "night-1"}'
    machine.executions = [execution("noon", "FAILED", given), execution("night-1", "FAILED")]
    machine.entered = ["Train", "TrainExited", "Evaluate"]
    assert run("retry").exit_code == 0
    machine.entered = ["IsRetry", "NotAlone"]  # another run was under way
    assert run("retry").exit_code == 0
    assert machine.started == [
        {"trigger": "hand", "from": "evaluate", "run": "night-1"},
        {"trigger": "hand", "from": "train", "run": "night-1"},
    ]


def test_retry_of_a_run_that_failed_before_the_build_begins_anew(
    machine: Machine, run: Run
) -> None:
    machine.executions = [execution("night-1", "FAILED")]
    machine.entered = ["ListRuns", "LookForMarker", "StartCrawler", "CrawlFailed"]
    assert run("retry").exit_code == 0
    assert machine.started == [{"trigger": "hand"}]


@pytest.mark.parametrize("status", ["SUCCEEDED", "RUNNING"])
def test_run_that_has_not_failed_is_not_started_again(
    machine: Machine, run: Run, status: str
) -> None:
    machine.executions = [execution("night-1", status)]
    failed = run("retry")
    assert failed.exit_code == 1
    assert f"Run night-1 is {status.lower()}: only a failed run" in failed.output
    assert machine.started == []


def test_status_tells_what_a_run_scanned_and_cost(machine: Machine, run: Run) -> None:
    """A terabyte (2^40 bytes) is 5 USD; a query is billed for 10 MB at least."""
    machine.executions = [execution("night-1", "SUCCEEDED")]
    machine.queries = [
        query("1", minutes=5, scanned=1 << 38),  # a quarter of a terabyte: 1.25 USD
        query("2", minutes=6, scanned=1),  # 10 MB: .0000477 USD
        query("3", minutes=200, scanned=1 << 40),  # after the run
    ]
    shown = run("status")
    assert shown.exit_code == 0, shown.output
    (row,) = [line for line in shown.output.splitlines() if line.startswith("night-1")]
    assert row.split() == [
        *("night-1", "2026-11-30", "03:00", "succeeded", "90.0", "2", "274,877.9", "1.2500")
    ]


def query(name: str, minutes: int, scanned: int) -> dict[str, Any]:
    return {
        "QueryExecutionId": name,
        "Status": {
            "State": "SUCCEEDED",
            "SubmissionDateTime": BEGUN + timedelta(minutes=minutes),
        },
        "StatementType": "DML",
        "Statistics": {"DataScannedInBytes": scanned},
    }

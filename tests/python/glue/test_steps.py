"""The container steps: the gate, what is published together, and the reason that is left."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from glue import steps
from glue.steps import gate, live_run, why_not
from tests.python.glue.conftest import Account

Run = Callable[..., Result]
BUCKET = "shop-artifacts"


@pytest.mark.parametrize(
    ("verdict", "passes"),
    [
        ({"f1": 0.39, "floor": 0.38}, True),
        ({"f1": 0.38, "floor": 0.38}, False),
        ({"f1": 0.37, "floor": 0.38}, False),
        ({"f1": 0.39, "floor": 0.38, "same_orders_f1": 0.39, "live_f1": 0.394}, True),
        ({"f1": 0.39, "floor": 0.38, "same_orders_f1": 0.39, "live_f1": 0.396}, False),
        ({"f1": 0.37, "floor": 0.38, "same_orders_f1": 0.37, "live_f1": 0.2}, False),
    ],
)
def test_gate(verdict: dict[str, Any], passes: bool) -> None:
    assert gate(verdict, margin=0.005) == passes
    assert (why_not(verdict, 0.005) == "") == passes


@pytest.fixture
def run_step(
    account: Account, run: Run, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Result]:
    assert account.settings.artifacts.bucket == BUCKET
    monkeypatch.setenv("RUN_ID", "run-7")
    monkeypatch.setenv("TASKS", "buy-again")
    return lambda name: run("step", name)


def put(account: Account, key: str, content: object) -> None:
    account.s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(content).encode())


def reason(account: Account) -> str:
    body: bytes = account.s3.get_object(Bucket=BUCKET, Key="runs/run-7/reason.txt")["Body"].read()
    return body.decode()


def finished(account: Account) -> None:
    put(account, "runs/run-7/gate.json", {"passed": True, "f1": 0.39, "floor": 0.38})
    put(account, "runs/run-7/models/buy-again/metrics.json", {})
    put(account, "runs/run-7/predictions/buy-again/scores.parquet", {})


def test_publish_names_model_and_predictions_in_one_object(
    account: Account, run_step: Callable[[str], Result]
) -> None:
    finished(account)
    put(account, "live/current.json", {"run": "run-6"})
    done = run_step("publish")
    assert done.exit_code == 0, done.output
    live = live_run(account.settings)
    assert live is not None
    assert live["run"] == "run-7"
    assert live["models"] == "s3://shop-artifacts/runs/run-7/models/"
    assert live["predictions"] == "s3://shop-artifacts/runs/run-7/predictions/"
    keys = account.s3.list_objects_v2(Bucket=BUCKET, Prefix="live/")["Contents"]
    assert [entry["Key"] for entry in keys] == ["live/current.json"]


@pytest.mark.parametrize(
    ("missing", "told"),
    [
        ("gate.json", "has not passed the gate"),
        ("models/buy-again/metrics.json", "has no models of buy-again"),
        ("predictions/buy-again/scores.parquet", "has no predictions of buy-again"),
    ],
)
def test_half_a_run_is_not_published(
    account: Account, run_step: Callable[[str], Result], missing: str, told: str
) -> None:
    finished(account)
    put(account, "live/current.json", {"run": "run-6"})
    account.s3.delete_object(Bucket=BUCKET, Key=f"runs/run-7/{missing}")
    failed = run_step("publish")
    assert failed.exit_code == 1
    assert told in failed.output
    assert reason(account) in failed.output, "the alert tells the same sentence"
    assert live_run(account.settings) == {"run": "run-6"}


def test_run_that_failed_the_gate_is_not_published(
    account: Account, run_step: Callable[[str], Result]
) -> None:
    finished(account)
    put(account, "runs/run-7/gate.json", {"passed": False, "f1": 0.3, "floor": 0.38})
    assert run_step("publish").exit_code == 1
    assert live_run(account.settings) is None


def test_missing_export_is_one_sentence(
    account: Account, run_step: Callable[[str], Result]
) -> None:
    failed = run_step("train")
    assert failed.exit_code == 1
    assert "s3://shop-artifacts/runs/run-7/export/ is empty" in reason(account)


def test_failed_program_leaves_its_own_sentence(
    account: Account, run_step: Callable[[str], Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(account, "runs/run-7/export/data.csv", "x")
    told = "print('Error: data.csv has no column up_orders'); raise SystemExit(1)"
    monkeypatch.setattr(steps, "_ml", lambda *_arguments: [sys.executable, "-c", told])
    failed = run_step("train")
    assert failed.exit_code == 1
    assert reason(account) == "data.csv has no column up_orders"


def test_failed_tests_of_dbt_are_named(tmp_path: Path) -> None:
    results = [
        {"unique_id": "model.next_basket.stg_orders", "status": "success", "message": "OK"},
        {
            "unique_id": "test.next_basket.unique_key_stg_orders.1a2b",
            "status": "fail",
            "message": "Got 1 result, configured to fail if != 0",
        },
    ]
    (tmp_path / "run_results.json").write_text(json.dumps({"results": results}))
    assert steps._dbt_failures(tmp_path) == (  # noqa: SLF001
        "dbt: 1 of 2 failed: unique_key_stg_orders: Got 1 result, configured to fail if != 0"
    )


def test_step_without_a_run_or_of_another_name(account: Account, run: Run) -> None:
    assert account.settings.name == "shop"
    assert "RUN_ID is not set" in run("step", "publish").output
    assert "There is no step bake: choose one of fix-serde" in run("step", "bake").output

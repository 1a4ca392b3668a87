"""The container steps: the gate, what is published together, and the reason that is left."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import polars as pl
import pytest
from click.testing import Result
from ml.tasks.buy_again.compare import compare

from glue.cloud import steps
from glue.cloud.steps import gate, live_run, why_not
from ml.commands import train
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


RUNGS = [
    {"name": "model", "context": "order-start", "f1": {"mean": 0.42}},
    {"name": "model", "context": "pre-order", "f1": {"mean": 0.40}},
    {"name": "recency decay 0.85", "context": "pre-order", "f1": {"mean": 0.38}},
    {"name": "UP-CF", "context": "pre-order", "f1": {"mean": 0.41}},
]


@pytest.mark.parametrize(
    ("live_f1", "passes"),
    [(None, True), (0.395, True), (0.404, True), (0.406, False)],
)
def test_gate_holds_the_new_model_against_the_live_one(
    account: Account,
    run_step: Callable[[str], Result],
    monkeypatch: pytest.MonkeyPatch,
    live_f1: float | None,
    passes: bool,
) -> None:
    put(account, "runs/run-7/export/data.csv", "x")
    put(account, "runs/run-7/models/buy-again/metrics.json", {"ladder": {"rungs": RUNGS}})
    if live_f1:
        put(account, "live/current.json", {"run": "run-6"})
        put(account, "runs/run-6/models/buy-again/features.json", "of run 6")
        put(account, "runs/run-6/export/target_orders.parquet", "of run 6")
        put(account, "runs/run-6/export/data.csv", "not needed")
    compared: list[dict[str, Any]] = []

    def program(*arguments: str) -> list[str]:
        if arguments[0] != "compare":
            return [sys.executable, "-c", ""]
        asked = compare.make_context("compare", list(arguments[1:])).params
        assert (asked["live"] / "features.json").read_text() == '"of run 6"'
        assert asked["live_targets"].read_text() == '"of run 6"'
        assert not asked["live_targets"].with_name("data.csv").exists(), "gigabytes"
        asked["out"].write_text(json.dumps({"same_orders_f1": 0.4, "live_f1": live_f1}))
        compared.append(asked)
        return [sys.executable, "-c", ""]

    monkeypatch.setattr(steps, "_ml", program)
    done = run_step("evaluate")
    assert (done.exit_code == 0) == passes, done.output
    assert len(compared) == (1 if live_f1 else 0)
    verdict = json.loads(
        account.s3.get_object(Bucket=BUCKET, Key="runs/run-7/gate.json")["Body"].read()
    )
    assert (verdict["f1"], verdict["floor"], verdict["passed"]) == (0.4, 0.38, passes)
    if not passes:
        assert "more than 0.005 below the live model's 0.4060" in reason(account)


@pytest.fixture
def run_step(
    account: Account, run: Run, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Result]:
    assert account.settings.artifacts.bucket == BUCKET
    monkeypatch.setenv("RUN_ID", "run-7")
    return lambda name: run("step", name)


def test_every_task_there_is() -> None:
    """What `python -m ml train --task` offers is what a run trains, predicts and publishes."""
    (task,) = [option for option in train.params if option.name == "task"]
    assert isinstance(task.type, click.Choice)
    assert sorted(steps.TASKS) == sorted(task.type.choices)


def test_every_task_is_predicted_and_new_carts_are_empty(
    account: Account, run_step: Callable[[str], Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    targets = pl.DataFrame({"user_id": [7, 7, 9], "orders_back": [0, 1, 0]})
    body = io.BytesIO()
    targets.write_parquet(body)
    account.s3.put_object(
        Bucket=BUCKET, Key="runs/run-7/export/target_orders.parquet", Body=body.getvalue()
    )
    put(account, "runs/run-7/export/data.csv", "x")
    for task in steps.TASKS:
        put(account, f"runs/run-7/models/{task}/metrics.json", {})
    asked: dict[str, list[str]] = {}
    carts: list[str] = []

    def predict(*arguments: str) -> list[str]:
        given = dict(zip(arguments[1::2], arguments[2::2], strict=True))
        asked[given["--task"]] = sorted(given)
        if "--carts" in given:
            carts.extend(Path(given["--carts"]).read_text().splitlines())
        assert Path(given["--run"]).name == "run-7", "the model_version of what is predicted"
        made = f"import pathlib; out = pathlib.Path({given['--out']!r}); out.mkdir(parents=True)"
        return [sys.executable, "-c", f"{made}; (out / 'scores').write_text('1')"]

    monkeypatch.setattr(steps, "_ml", predict)
    done = run_step("predict")
    assert done.exit_code == 0, done.output
    plain = ["--data", "--out", "--run", "--task"]
    assert asked == {
        "buy-again": plain,
        "discovery": plain,
        "next-in-cart": ["--carts", *plain],
    }
    assert carts == ["cart_id,user_id,position,product_id", "7,7,,", "9,9,,"]
    listed = account.s3.list_objects_v2(Bucket=BUCKET, Prefix="runs/run-7/predictions/")
    assert [entry["Key"].split("/")[3] for entry in listed["Contents"]] == sorted(asked)


def put(account: Account, key: str, content: object) -> None:
    account.s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(content).encode())


def reason(account: Account) -> str:
    body: bytes = account.s3.get_object(Bucket=BUCKET, Key="runs/run-7/reason.txt")["Body"].read()
    return body.decode()


def finished(account: Account) -> None:
    put(account, "runs/run-7/gate.json", {"passed": True, "f1": 0.39, "floor": 0.38})
    for task in ("buy-again", "discovery", "next-in-cart"):
        put(account, f"runs/run-7/models/{task}/metrics.json", {})
        put(account, f"runs/run-7/predictions/{task}/scores.parquet", {})
    put(account, "runs/run-7/predictions/discovery/recommendations.parquet", "of run 7")


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
    written_back = account.s3.get_object(
        Bucket=account.settings.lake.bucket,
        Key="predictions/recommendations/recommendations.parquet",
    )
    assert written_back["Body"].read() == b'"of run 7"'


@pytest.mark.parametrize(
    ("missing", "told"),
    [
        ("gate.json", "has not passed the gate"),
        ("models/buy-again/metrics.json", "has no models of buy-again"),
        ("predictions/buy-again/scores.parquet", "has no predictions of buy-again"),
        ("models/discovery/metrics.json", "has no models of discovery"),
        ("predictions/next-in-cart/scores.parquet", "has no predictions of next-in-cart"),
        ("predictions/discovery/recommendations.parquet", "Not Found"),
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

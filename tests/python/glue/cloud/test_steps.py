"""The container steps: the gate, what is published together, and the reason that is left."""

import io
import json
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import polars as pl
import pytest
from click.testing import CliRunner, Result

from glue.cloud import steps
from glue.cloud.steps import live_run
from ml.commands import gate as gate_command
from ml.commands import tasks
from ml.runs.gate import Figures, LiveFigures, judge
from ml.tasks.registry import TASKS
from tests.python.glue.conftest import Account

Run = Callable[..., Result]
BUCKET = "shop-artifacts"
FIGURES: dict[str, Any] = {
    "measure": "mean basket F1",
    "value": 0.4,
    "floor": 0.38,
    "floor_of": "recency decay 0.85",
}
PASSED = {"buy-again": {"passed": True, "reason": "", "figures": FIGURES}}


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
    """The step runs `ml gate`, with the live run if there is one, and stores its verdict."""
    put(account, "runs/run-7/export/data.csv", "x")
    put(account, "runs/run-7/models/buy-again/metrics.json", "of run 7")
    if live_f1:
        put(account, "live/current.json", {"run": "run-6"})
        put(account, "runs/run-6/models/buy-again/features.json", "of run 6")
        put(account, "runs/run-6/export/target_orders.parquet", "of run 6")
        put(account, "runs/run-6/export/data.csv", "not needed")
    asked: list[dict[str, Any]] = []

    def program(*arguments: str) -> list[str]:
        if arguments[0] != "gate":
            return [sys.executable, "-c", ""]
        options = gate_command.make_context("gate", list(arguments[1:])).params
        assert (options["run"] / "metrics.json").read_text() == '"of run 7"'
        compared = None
        if options["live"]:
            assert (options["live"] / "features.json").read_text() == '"of run 6"'
            assert options["live_targets"].read_text() == '"of run 6"'
            assert not options["live_targets"].with_name("data.csv").exists(), "gigabytes"
            assert live_f1 is not None
            compared = LiveFigures("pre-order", 100, 0, 0.4, live_f1)
        asked.append(options)
        verdict = judge(Figures(**FIGURES), compared, options["margin"])
        verdict.write(options["out"])
        code = int(not verdict.passed)
        told = f"print({f'Error: {verdict.reason}'!r}); raise SystemExit({code})"
        return [sys.executable, "-c", told]

    monkeypatch.setattr(steps, "_ml", program)
    done = run_step("evaluate")
    assert (done.exit_code == 0) == passes, done.output
    assert [bool(options["live"]) for options in asked] == [bool(live_f1)]
    assert asked[0]["margin"] == account.settings.margin
    verdict = json.loads(
        account.s3.get_object(Bucket=BUCKET, Key="runs/run-7/gate.json")["Body"].read()
    )["buy-again"]
    assert (verdict["figures"], verdict["passed"]) == (FIGURES, passes)
    if not passes:
        assert "more than 0.005 below the live model's 0.4060" in reason(account)


def test_a_gate_that_breaks_leaves_no_verdict(
    account: Account, run_step: Callable[[str], Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(account, "runs/run-7/export/data.csv", "x")
    put(account, "runs/run-7/models/buy-again/metrics.json", "of run 7")

    def program(*arguments: str) -> list[str]:
        fails = "print('Error: no memory'); raise SystemExit(1)"
        return [sys.executable, "-c", fails if arguments[0] == "gate" else ""]

    monkeypatch.setattr(steps, "_ml", program)
    assert run_step("evaluate").exit_code == 1
    assert reason(account) == "no memory"
    assert "Contents" not in account.s3.list_objects_v2(Bucket=BUCKET, Prefix="runs/run-7/gate")


@pytest.fixture
def run_step(
    account: Account, run: Run, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Result]:
    assert account.settings.artifacts.bucket == BUCKET
    monkeypatch.setenv("RUN_ID", "run-7")
    return lambda name: run("step", name)


def test_every_task_there_is(
    account: Account, run_step: Callable[[str], Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `python -m ml tasks` names is what a run trains."""
    put(account, "runs/run-7/export/data.csv", "x")
    trained: list[str] = []

    def train(*arguments: str) -> list[str]:
        given = dict(zip(arguments[1::2], arguments[2::2], strict=True))
        trained.append(given["--task"])
        made = f"import pathlib; run = pathlib.Path({given['--run']!r}); run.mkdir(parents=True)"
        return [sys.executable, "-c", f"{made}; (run / 'metrics.json').write_text('1')"]

    monkeypatch.setattr(steps, "_ml", train)
    assert run_step("train").exit_code == 0
    assert trained == CliRunner().invoke(tasks).output.split()
    for task in trained:
        key = f"runs/run-7/models/{task}/metrics.json"
        assert account.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"1"


def test_every_task_is_predicted_and_new_carts_are_empty(
    account: Account, run_step: Callable[[str], Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    targets = pl.DataFrame(
        {
            "user_id": [7, 7, 9],
            "order_id": [71, 70, 91],
            "order_number": [4, 3, 2],
            "eval_set": ["test", "prior", "test"],
            "orders_back": [0, 1, 0],
        }
    )
    body = io.BytesIO()
    targets.write_parquet(body)
    account.s3.put_object(
        Bucket=BUCKET, Key="runs/run-7/export/target_orders.parquet", Body=body.getvalue()
    )
    put(account, "runs/run-7/export/data.csv", "x")
    for task in TASKS:
        put(account, f"runs/run-7/models/{task.name}/metrics.json", {})
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
    put(account, "runs/run-7/gate.json", PASSED)
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
    put(account, "runs/run-7/gate.json", {"buy-again": {"passed": False}})
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


def test_what_could_not_be_used_of_new_loads_is_noted(account: Account) -> None:
    last_night, tonight = datetime(2017, 3, 2, 3, 0, 0), datetime(2017, 3, 3, 3, 0, 0)  # noqa: DTZ001
    body = io.BytesIO()
    pl.DataFrame(
        {
            "load_date": ["2017-03-01", "2017-03-02", "2017-03-03"],
            "order_lines": [4_000, 5_000, 6_000],
            "rejected_lines": [3, 2, 0],
            "last_read_at": [last_night, tonight, tonight],
        }
    ).write_parquet(body)
    place = account.settings.lake
    account.s3.put_object(Bucket=place.bucket, Key="loads/1", Body=body.getvalue())
    account.glue.create_database(DatabaseInput={"Name": account.settings.lake_database})
    account.glue.create_table(
        DatabaseName=account.settings.lake_database,
        TableInput={"Name": "loads", "StorageDescriptor": {"Location": f"{place}loads/"}},
    )
    steps._tell_rejected_lines(account.settings, "run-7", tonight)  # noqa: SLF001
    noted = account.s3.get_object(Bucket=BUCKET, Key="runs/run-7/notice.txt")["Body"].read()
    assert noted.decode() == "Load 2017-03-02: 2 of 5,000 lines could not be used."


def test_the_reason_is_the_sentence_above_the_macros_that_dbt_names() -> None:
    told = [
        "08:45:01  Encountered an error:",
        "Compilation Error in operation next_basket-on-run-start-7 (./dbt_project.yml)",
        "  Another build of schema shop is running.",
        "  ",
        "  > in macro athena__begin_build (macros/running_build.sql)",
        "  > called by operation next_basket-on-run-start-7 (./dbt_project.yml)",
    ]
    program = f"print({chr(10).join(told)!r}); raise SystemExit(2)"
    with pytest.raises(click.ClickException, match=r"^Another build of schema shop is running\.$"):
        steps._run([sys.executable, "-c", program])  # noqa: SLF001

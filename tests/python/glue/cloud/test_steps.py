"""The container steps: the gate, what is published together, and the reason that is left."""

import hashlib
import io
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import polars as pl
import pytest
from click.testing import CliRunner, Result
from moto.s3.models import s3_backends

from glue.cloud import steps
from glue.cloud.live import live_run
from glue.cloud.retention import KEPT_RUNS, OLD
from glue.cloud.stack import FOLDER, parameters
from ml.commands import gate as gate_command
from ml.commands import tasks
from ml.runs.gate import Figures, LiveFigures, judge
from ml.tasks.registry import TASKS
from tests.python.glue.cloud.calls import ROLES, recorded, refused
from tests.python.glue.cloud.policies import Resolved
from tests.python.glue.conftest import Account

Run = Callable[..., Result]
BUCKET = "shop-artifacts"
FIGURES: dict[str, Any] = {
    "measure": "mean basket F1",
    "value": 0.4,
    "floor": 0.38,
    "floor_of": "recency decay 0.85",
}
TARGET_ORDERS = pl.DataFrame(
    {
        "user_id": [7, 7, 9],
        "order_id": [71, 70, 91],
        "order_number": [4, 3, 2],
        "eval_set": ["test", "prior", "test"],
        "orders_back": [0, 1, 0],
    }
)
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
        put(account, "live/current.json", live_entry("run-6", {"features.json": "of run 6"}))
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
    for left in ("gate", "judged"):
        prefix = f"runs/run-7/{left}"
        assert "Contents" not in account.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix)


def test_live_model_that_was_changed_is_no_measure(
    account: Account, run_step: Callable[[str], Result]
) -> None:
    put(account, "runs/run-7/export/data.csv", "x")
    put(account, "runs/run-7/models/buy-again/metrics.json", "of run 7")
    put(account, "live/current.json", live_entry("run-6", {"features.json": "of run 6"}))
    put(account, "runs/run-6/models/buy-again/features.json", "of somebody else")
    assert run_step("evaluate").exit_code == 1
    assert "runs/run-6/models/buy-again/features.json is not what was judged" in reason(account)
    put(account, "live/current.json", {"run": "run-6"})
    assert run_step("evaluate").exit_code == 1
    assert "was published without the sha256 of its models" in reason(account)


@pytest.fixture
def run_step(
    account: Account, run: Run, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Result]:
    assert account.settings.artifacts.bucket == BUCKET
    monkeypatch.setenv("RUN_ID", "run-7")
    monkeypatch.setattr("glue.cloud.stack.account_id", lambda: "123456789012")
    template = Resolved(FOLDER / "template.yaml", parameters(account.settings, "code/"))

    def run_with_its_role(name: str) -> Result:
        with recorded() as calls:
            done = run("step", name)
        assert calls
        assert refused(template.role(ROLES[name]), calls) == [], "the role does not allow it"
        return done

    return run_with_its_role


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
    body = io.BytesIO()
    TARGET_ORDERS.write_parquet(body)
    account.s3.put_object(
        Bucket=BUCKET, Key="runs/run-7/export/target_orders.parquet", Body=body.getvalue()
    )
    put(account, "runs/run-7/export/data.csv", "x")
    put_models(account)
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


MODELS: dict[str, object] = {f"{task.name}/metrics.json": {} for task in TASKS}


def put_models(account: Account) -> None:
    """Leave a model of each task, as it was judged."""
    for name, content in MODELS.items():
        put(account, f"runs/run-7/models/{name}", content)
    put(account, "runs/run-7/judged.json", {name: sha256(text) for name, text in MODELS.items()})


def live_entry(run: str, files: dict[str, object]) -> dict[str, object]:
    """Give what `publish` writes of a run that has these files of buy-again's model."""
    models = {f"buy-again/{name}": sha256(content) for name, content in files.items()}
    return {"run": run, "sha256": {"models": models, "predictions": {}}}


def sha256(content: object) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def put(account: Account, key: str, content: object) -> None:
    account.s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(content).encode())


def reason(account: Account) -> str:
    body: bytes = account.s3.get_object(Bucket=BUCKET, Key="runs/run-7/reason.txt")["Body"].read()
    return body.decode()


def finished(account: Account) -> None:
    put(account, "runs/run-7/gate.json", PASSED)
    put_models(account)
    for task in ("buy-again", "discovery", "next-in-cart"):
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
    assert live["sha256"]["models"] == {name: sha256(text) for name, text in MODELS.items()}
    assert live["sha256"]["predictions"]["buy-again/scores.parquet"] == sha256({})
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
        ("judged.json", "the run was not judged"),
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


@pytest.mark.parametrize("step_name", ["predict", "publish"])
@pytest.mark.parametrize("damage", ["changed", "added"])
def test_model_that_is_not_what_was_judged_goes_no_further(
    account: Account, run_step: Callable[[str], Result], step_name: str, damage: str
) -> None:
    finished(account)
    put(account, "runs/run-7/export/data.csv", "x")
    name = "metrics.json" if damage == "changed" else "another.txt"
    put(account, f"runs/run-7/models/buy-again/{name}", "of somebody else")
    assert run_step(step_name).exit_code == 1
    assert f"runs/run-7/models/buy-again/{name} is not what was judged" in reason(account)
    assert live_run(account.settings) is None


def test_evaluation_writes_down_what_it_judged(
    account: Account, run_step: Callable[[str], Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(account, "runs/run-7/export/data.csv", "x")
    for name, content in MODELS.items():
        put(account, f"runs/run-7/models/{name}", content)
    verdict = json.dumps(PASSED["buy-again"])

    def gate(*arguments: str) -> list[str]:
        out = arguments[arguments.index("--out") + 1]
        write = "import pathlib; out = pathlib.Path(%r); out.parent.mkdir(); out.write_text(%r)"
        return [sys.executable, "-c", write % (out, verdict)]

    monkeypatch.setattr(steps, "_ml", gate)
    done = run_step("evaluate")
    assert done.exit_code == 0, done.output
    judged = account.s3.get_object(Bucket=BUCKET, Key="runs/run-7/judged.json")["Body"].read()
    assert json.loads(judged) == {name: sha256(text) for name, text in MODELS.items()}


@pytest.mark.parametrize("key", ["../evil.csv", "a/../../evil.csv", "/evil.csv", "a//b.csv", "./x"])
def test_key_that_leads_out_of_the_work_folder_is_refused(
    account: Account, run_step: Callable[[str], Result], key: str
) -> None:
    put(account, "runs/run-7/export/data.csv", "x")
    put(account, f"runs/run-7/export/{key}", "x")
    assert run_step("train").exit_code == 1
    assert f"The key '{key}' would be written outside of" in reason(account)


def test_reason_of_a_retry_lies_under_its_own_name(
    account: Account, run_step: Callable[[str], Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXECUTION", "run-9")
    assert run_step("train").exit_code == 1
    told = account.s3.get_object(Bucket=BUCKET, Key="runs/run-9/reason.txt")["Body"].read()
    assert b"runs/run-7/export/ is empty" in told


def test_live_model_is_fetched_as_it_was_judged(
    account: Account, run: Run, run_step: Callable[[str], Result], tmp_path: Path
) -> None:
    out = tmp_path / "model"
    assert "Nothing is published yet" in run("fetch", "--task", "next-in-cart", "--out", out).output
    finished(account)
    assert run_step("publish").exit_code == 0
    done = run("fetch", "--task", "next-in-cart", "--out", out)
    assert done.exit_code == 0, done.output
    assert json.loads((out / "metrics.json").read_text()) == {}
    assert f"{out} is there already" in run("fetch", "--task", "next-in-cart", "--out", out).output
    put(account, "runs/run-7/models/next-in-cart/metrics.json", "of somebody else")
    changed = run("fetch", "--task", "next-in-cart", "--out", tmp_path / "again")
    assert changed.exit_code == 1
    assert "models/next-in-cart/metrics.json is not what was judged" in changed.output
    assert [path.name for path in tmp_path.iterdir()] == ["model"], "nothing is there to be served"


def test_publishing_tags_old_runs_and_never_the_live_or_the_last_ones(
    account: Account, run_step: Callable[[str], Result]
) -> None:
    """Run 7 is published again, long after: it is older than the last ones, and stays."""
    finished(account)
    day = datetime(2026, 11, 1, tzinfo=UTC)
    runs = [
        "run-7",
        *(f"night-{number:02}" for number in range(10, 20)),
        "failed",
        "last",
        "under-way",
    ]
    for run_id in runs[1:]:
        put(account, f"runs/{run_id}/export/data.csv", "x")
        if run_id.startswith("night"):
            put(account, f"runs/{run_id}/predictions/buy-again/scores.parquet", "x")
        else:  # its gate has not let it go on
            put(account, f"runs/{run_id}/models/buy-again/model.txt", "x")
    stored = s3_backends["123456789012"]["aws"].buckets[BUCKET].keys
    for number, run_id in enumerate(runs):
        for key in [key for key in stored if key.startswith(f"runs/{run_id}/")]:
            for version in stored.getlist(key):
                version.last_modified = (day + timedelta(days=number)).replace(tzinfo=None)
    tag(account, "runs/run-7/gate.json")
    done = run_step("publish")
    assert done.exit_code == 0, done.output
    tagged = {
        key.split("/")[1]
        for key in stored
        if account.s3.get_object_tagging(Bucket=BUCKET, Key=key)["TagSet"] == [OLD]
    }
    assert KEPT_RUNS == 7
    # of ten nights the last seven stay, and what was written to within a day of the last
    assert tagged == {"night-10", "night-11", "night-12", "failed"}
    assert "run night-10 may go" in done.output


def tag(account: Account, key: str) -> None:
    account.s3.put_object_tagging(Bucket=BUCKET, Key=key, Tagging={"TagSet": [OLD]})


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

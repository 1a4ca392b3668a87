"""The steps of a run that need the project's own code; each runs in a container of its own."""

import json
import os
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import polars as pl

from glue.cloud.crawl import catalogued
from glue.cloud.live import (
    check_same,
    get_checked,
    get_folder,
    live_run,
    sha256_of_models,
)
from glue.cloud.prediction_tables import publish_tables
from glue.cloud.retention import KEPT_RUNS, tag_old_runs
from glue.raw.catalogue import fix_serde
from glue.raw.loads import loads_in_zone
from glue.raw.verify import verify_raw_zone
from glue.settings import Settings, read_settings
from ml.tasks.registry import TASKS
from ml.tasks.task import Task
from ml.tools.aws import client, message
from ml.tools.hashes import sha256_of_folder
from ml.tools.paths import ROOT
from ml.tools.s3 import (
    Location,
    list_objects,
    location,
    read_json,
    sha256_of_objects,
    write_json,
)

_LAST_LINES = 20  # of a program's output that are looked through for the reason of its failure
TARGETS = "target_orders.parquet"  # what the gate has to know of the live run's data
JUDGED = "judged.json"  # the sha256 of each model file as the gate saw it
SUMMARY = "summary.json"  # of a run's predictions: the models they are of, rows, drift


@click.command()
@click.argument("name", metavar="STEP")
def step(name: str) -> None:
    """
    Do one STEP of the run RUN_ID, as the state machine's containers do.

    Why it failed is left under the name in EXECUTION: a run may be gone on with by another one.
    """
    if name not in STEPS:
        raise click.ClickException(f"There is no step {name}: choose one of {', '.join(STEPS)}.")
    run_id = os.environ.get("RUN_ID")
    if not run_id:
        raise click.ClickException("RUN_ID is not set: the state machine sets it for each run.")
    settings = read_settings()
    execution = os.environ.get("EXECUTION") or run_id
    with tempfile.TemporaryDirectory(prefix="next-basket-") as work:
        try:
            STEPS[name](settings, run_id, Path(work))
        except click.ClickException as error:
            _leave_reason(settings, execution, error.message)
            raise
        except Exception as error:
            _leave_reason(settings, execution, message(error) or f"{type(error).__name__}: {error}")
            raise


def _fix_serde(settings: Settings, _run_id: str, _work: Path) -> None:
    fixed = fix_serde(client("glue"), settings.raw_database)
    click.echo(f"escapeChar set on: {', '.join(fixed) or 'no table, all have it'}")
    for line in catalogued(settings):
        click.echo(line)


def _verify(settings: Settings, _run_id: str, _work: Path) -> None:
    verify_raw_zone(settings)


def _build(settings: Settings, run_id: str, work: Path) -> None:
    """Run dbt, keep its artefacts, and write what the export job is to do."""
    shape = "order_lines" if loads_in_zone(client("s3"), settings.raw) else "instacart"
    variables = {"raw_shape": shape, "mode": "live", "windows": settings.windows}
    target = work / "target"
    environment = dict(settings.dbt_environment()) | {"DBT_TARGET_PATH": str(target)}
    begun = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    command = [str(Path(sys.executable).with_name("dbt")), "--no-use-colors", "build"]
    command += ["--target", "athena", "--vars", json.dumps(variables)]
    # unit tests check the project's text, which the image holds unchanged since `make test`
    command += ["--exclude-resource-type", "unit_test"]
    try:
        _run(command, environment)
    except click.ClickException as error:
        raise click.ClickException(_dbt_failures(target) or error.message) from None
    finally:
        for name in ("manifest.json", "run_results.json"):
            if (target / name).exists():
                _put(target / name, settings.run(run_id), f"dbt/{name}")
    plan = work / "plan.json"
    manifest = str(target / "manifest.json")
    _run(_ml("export-plan", "--target", "athena", "--manifest", manifest, "--out", str(plan)))
    _put(plan, settings.run(run_id), "plan.json")
    if shape == "order_lines":
        _tell_rejected_lines(settings, run_id, begun)


def _tell_rejected_lines(settings: Settings, run_id: str, since: datetime) -> None:
    """Leave a notice of what this build could not use of the loads that it read."""
    found = client("glue").get_table(DatabaseName=settings.lake_database, Name="loads")["Table"]
    place = location(found["StorageDescriptor"]["Location"])
    s3 = client("s3")
    loads = pl.concat(
        pl.read_parquet(s3.get_object(Bucket=each.bucket, Key=each.key)["Body"].read())
        for each in list_objects(s3, place)
    )
    told = [
        f"Load {day}: {rejected:,} of {lines:,} lines could not be used."
        for day, rejected, lines in loads.filter(
            pl.col("rejected_lines") > 0, pl.col("last_read_at") >= since
        )
        .sort("load_date")
        .select("load_date", "rejected_lines", "order_lines")
        .rows()
    ]
    if told:
        click.echo("\n".join(told))
        _put_text(settings.run(run_id), "notice.txt", "\n".join(told))


def _train(settings: Settings, run_id: str, work: Path) -> None:
    data, runs = _data(settings, run_id, work), work / "models"
    for task in TASKS:
        model = runs / task.name / run_id
        command = _ml("train", "--task", task.name, "--data", str(data), "--run", str(model))
        # where a task looks for the runs of those before it
        _run(command, {"RUNS_DIR": str(runs)})
        _put_folder(model, settings.run(run_id), f"models/{task.name}")


def _evaluate(settings: Settings, run_id: str, work: Path) -> None:
    """Run the gate of each task that has one; store the verdicts, and the sha256 of every model."""
    data, run = _data(settings, run_id, work), settings.run(run_id)
    models = get_folder(run, "models", work / "models")
    judged = sha256_of_folder(models)
    verdicts, refused = {}, []
    for task in _gated():
        on = ("--task", task.name, "--data", str(data), "--run", str(models / task.name))
        out = work / "gates" / f"{task.name}.json"
        margin = ("--margin", str(settings.margin), "--out", str(out))
        try:
            _run(_ml("gate", *on, *_live_options(settings, task, work), *margin))
        except click.ClickException as error:
            if not out.exists():
                raise
            refused.append(error.message)
        verdicts[task.name] = json.loads(out.read_text(encoding="utf-8"))
        weighed = verdicts[task.name]["figures"]
        if weighed:  # a line of which the template makes a metric
            click.echo(json.dumps({"task": task.name, "gate_value": weighed["value"]}))
    write_json(client("s3"), run, JUDGED, judged)
    write_json(client("s3"), run, "gate.json", verdicts)
    if refused:
        raise click.ClickException(f"{' '.join(refused)} The live run stays.")


def _gated() -> list[Task]:
    return [task for task in TASKS if task.load_gate]


def _live_options(settings: Settings, task: Task, work: Path) -> list[str]:
    """Fetch the live run of a task, and give the gate's options for it; none if none is live."""
    live = live_run(settings)
    if not live:
        return []
    run = settings.run(live["run"])
    model = get_checked(run, task.name, work / "live" / task.name, sha256_of_models(live))
    data = get_folder(run, "export", work / "live" / "data", (TARGETS,))
    return ["--live", str(model), "--live-targets", str(data / TARGETS)]


def _predict(settings: Settings, run_id: str, work: Path) -> None:
    data, run = _data(settings, run_id, work), settings.run(run_id)
    judged = _judged(run)
    for task in TASKS:
        # the run's folder is the model_version in what it predicts
        model = get_checked(run, task.name, work / "models" / task.name / run_id, judged)
        out = work / "predictions" / task.name
        command = ["predict", "--task", task.name, "--run", str(model), "--data", str(data)]
        _run(_ml(*command, "--name", run_id, "--out", str(out)))
        _put_folder(out, run, f"predictions/{task.name}")
    summary = _summarize(settings, run_id, data, work) | {"models": judged}
    # last, so that it is there and names these models only once every prediction is theirs
    write_json(client("s3"), run.below("predictions"), SUMMARY, summary)


def _summarize(settings: Settings, run_id: str, data: Path, work: Path) -> dict[str, Any]:
    """
    Count what was read and predicted, and how far it has moved since the live run.

    The figures are printed as one line, of which the template makes metrics.
    """
    s3, out, before = client("s3"), work / "summary.json", work / "before.json"
    command = ["summarize", "--data", str(data), "--predictions", str(work / "predictions")]
    live = (live_run(settings) or {}).get("run", run_id)
    older = None
    if live != run_id:
        older = read_json(s3, settings.run(live).below("predictions"), SUMMARY)
    if older:
        before.write_text(json.dumps(older), encoding="utf-8")
        command += ["--before", str(before)]
    _run(_ml(*command, "--out", str(out)))
    summary: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    figures = {
        "rows_predicted": sum(summary["rows_out"].values()),
        "rejected_lines": summary["lines"].get("rejected", 0),
    }
    if summary["psi"]:
        figures["drift"] = max(summary["psi"].values())
    click.echo(json.dumps(figures))
    return summary | {"against": live if summary["psi"] else None}


def _publish(settings: Settings, run_id: str, _work: Path) -> None:
    """
    Give what this run predicts to the tables of predictions, and name it the live one.

    One object says what is live and is replaced, so model and predictions go together. Then older
    runs are tagged, by which they expire.
    """
    run, s3 = settings.run(run_id), client("s3")
    verdicts = read_json(s3, run, "gate.json") or {}
    if not all(verdicts.get(task.name, {}).get("passed") for task in _gated()):
        raise click.ClickException(f"Run {run_id} has not passed the gate: nothing is published.")
    for task in TASKS:
        for part in ("models", "predictions"):
            if not any(list_objects(s3, run.below(f"{part}/{task.name}"))):
                raise click.ClickException(
                    f"Run {run_id} has no {part} of {task.name}: nothing is published."
                )
    models = sha256_of_objects(s3, run.below("models"))
    check_same(run, models, _judged(run))
    predicted = read_json(s3, run.below("predictions"), SUMMARY) or {}
    if predicted.get("models") != models:
        raise click.ClickException(
            f"The predictions of run {run_id} are not whole, or of other models: nothing is"
            f" published. `python -m glue start --from predict --run {run_id}` makes them."
        )
    predictions = sha256_of_objects(s3, run.below("predictions"))
    publish_tables(settings, run_id, predictions)
    published = {
        "run": run_id,
        "published_at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "models": f"{run}models/",
        "predictions": f"{run}predictions/",
        "gates": verdicts,
        "sha256": {"models": models, "predictions": predictions},
    }
    write_json(s3, settings.live, "current.json", published)
    click.echo(f"{settings.live}current.json: {run_id} is live")
    for old in tag_old_runs(s3, settings.artifacts, run_id):
        click.echo(f"run {old} may go: it is neither live nor one of the last {KEPT_RUNS}")


STEPS: dict[str, Callable[[Settings, str, Path], None]] = {
    "fix-serde": _fix_serde,
    "verify": _verify,
    "build": _build,
    "train": _train,
    "evaluate": _evaluate,
    "predict": _predict,
    "publish": _publish,
}


def _judged(run: Location) -> dict[str, str]:
    """Give the sha256 of each model file as the gate saw it, by task and name."""
    judged: dict[str, str] | None = read_json(client("s3"), run, JUDGED)
    if judged is None:
        raise click.ClickException(f"{run}{JUDGED} is not there: the run was not judged.")
    return judged


def _ml(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "ml", *arguments]


def _run(command: list[str], environment: dict[str, str] | None = None) -> None:
    """Run a program, pass its output on, and raise its last sentence if it fails."""
    last: deque[str] = deque(maxlen=_LAST_LINES)
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | (environment or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as program:
        assert program.stdout  # noqa: S101 - it is piped
        for line in program.stdout:
            sys.stdout.write(line)
            last.append(line.strip())
    if program.returncode:
        # below its sentence dbt names the macros that it came through
        lines = [line for line in last if line and not line.startswith("> ")]
        told = [line for line in lines if line.startswith("Error: ")] or lines[-1:]
        reason = told[-1].removeprefix("Error: ") if told else "it said nothing"
        raise click.ClickException(reason)


def _dbt_failures(target: Path) -> str:
    """Say which models and tests failed, with their messages."""
    try:
        results = json.loads((target / "run_results.json").read_text(encoding="utf-8"))["results"]
    except (OSError, ValueError):
        return ""
    failed = [one for one in results if one["status"] in {"error", "fail"}]
    told = [
        f"{one['unique_id'].split('.')[2]}: {' '.join((one['message'] or '').split())[:300]}"
        for one in failed
    ]
    return f"dbt: {len(failed)} of {len(results)} failed: " + "; ".join(told[:3]) if failed else ""


def _data(settings: Settings, run_id: str, work: Path) -> Path:
    return get_folder(settings.run(run_id), "export", work / "data") / "data.csv"


def _leave_reason(settings: Settings, run_id: str, reason: str) -> None:
    try:
        _put_text(settings.run(run_id), "reason.txt", reason)
    except Exception as error:  # noqa: BLE001 - the step's own error is the one to be told
        click.echo(f"The reason could not be written: {error}", err=True)


def _put_text(place: Location, name: str, text: str) -> None:
    client("s3").put_object(Bucket=place.bucket, Key=place.key(name), Body=text.encode())


def _put(path: Path, place: Location, name: str) -> None:
    client("s3").upload_file(str(path), place.bucket, place.key(name))


def _put_folder(folder: Path, place: Location, name: str) -> None:
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        _put(path, place, f"{name}/{path.relative_to(folder)}")

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

from glue.raw.catalogue import fix_serde
from glue.raw.verify import verify_raw_zone
from glue.settings import Settings, read_settings
from ml.tools.aws import client, sentence
from ml.tools.paths import ROOT
from ml.tools.s3 import Location, download, list_objects, read_json, write_json

_LAST_LINES = 20  # of a program's output that are looked through for the reason of its failure
TASKS = ("buy-again", "discovery", "next-in-cart")
GATE_TASK = "buy-again"
GATE_BASELINE = "recency decay"
RECOMMENDATIONS = "discovery/recommendations.parquet"


@click.command()
@click.argument("name", metavar="STEP")
def step(name: str) -> None:
    """Do one STEP of the run RUN_ID, as the state machine's containers do."""
    if name not in STEPS:
        raise click.ClickException(f"There is no step {name}: choose one of {', '.join(STEPS)}.")
    run_id = os.environ.get("RUN_ID")
    if not run_id:
        raise click.ClickException("RUN_ID is not set: the state machine sets it for each run.")
    settings = read_settings()
    with tempfile.TemporaryDirectory(prefix="next-basket-") as work:
        try:
            STEPS[name](settings, run_id, Path(work))
        except click.ClickException as error:
            _leave_reason(settings, run_id, error.message)
            raise
        except Exception as error:
            _leave_reason(settings, run_id, sentence(error) or f"{type(error).__name__}: {error}")
            raise


def _fix_serde(settings: Settings, _run_id: str, _work: Path) -> None:
    fixed = fix_serde(client("glue"), settings.raw_database)
    click.echo(f"escapeChar set on: {', '.join(fixed) or 'no table, all have it'}")


def _verify(settings: Settings, _run_id: str, _work: Path) -> None:
    verify_raw_zone(settings)


def _build(settings: Settings, run_id: str, work: Path) -> None:
    """Run dbt, keep its artefacts, and write what the export job is to do."""
    variables = {"mode": "live", "windows": settings.windows}
    target = work / "target"
    environment = dict(settings.dbt_environment()) | {"DBT_TARGET_PATH": str(target)}
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


def _train(settings: Settings, run_id: str, work: Path) -> None:
    data = _data(settings, run_id, work)
    for task in TASKS:
        model = work / "models" / task
        _run(_ml("train", "--task", task, "--data", str(data), "--run", str(model)))
        _put_folder(model, settings.run(run_id), f"models/{task}")


def _evaluate(settings: Settings, run_id: str, work: Path) -> None:
    """Print the ladder and hold the gate: the floor, and the live model on the same orders."""
    data, run = _data(settings, run_id, work), settings.run(run_id)
    model = _get_folder(run, f"models/{GATE_TASK}", work / "model")
    _run(_ml("evaluate", "--task", GATE_TASK, "--data", str(data), "--run", str(model)))
    rungs = json.loads((model / "metrics.json").read_text(encoding="utf-8"))["ladder"]["rungs"]
    f1 = {(rung["name"], rung["context"]): rung["f1"]["mean"] for rung in rungs}
    new = f1["model", "pre-order"]  # the night before, nothing is known of the order to come
    floor = max(mean for (name, _), mean in f1.items() if name.startswith(GATE_BASELINE))
    verdict: dict[str, Any] = {"f1": new, "floor": floor}
    live = live_run(settings)
    if live:
        verdict |= _against_live(settings, live, data, model, work)
    verdict["passed"] = gate(verdict, settings.margin)
    write_json(client("s3"), run, "gate.json", verdict)
    click.echo(json.dumps(verdict))
    if not verdict["passed"]:
        raise click.ClickException(
            f"{GATE_TASK} is not published: {why_not(verdict, settings.margin)}. The live model"
            " stays."
        )


def gate(verdict: dict[str, Any], margin: float) -> bool:
    """Say whether a model may be published: above the floor, and no worse than the live one."""
    return why_not(verdict, margin) == ""


def why_not(verdict: dict[str, Any], margin: float) -> str:
    """Say why a model may not be published; empty if it may."""
    if verdict["f1"] <= verdict["floor"]:
        return f"mean F1 {verdict['f1']:.4f} does not beat {GATE_BASELINE} ({verdict['floor']:.4f})"
    if "live_f1" in verdict and verdict["same_orders_f1"] < verdict["live_f1"] - margin:
        return (
            f"mean F1 {verdict['same_orders_f1']:.4f} is more than {margin} below the live model's"
            f" {verdict['live_f1']:.4f} on the same orders"
        )
    return ""


def _against_live(
    settings: Settings, live: dict[str, Any], data: Path, model: Path, work: Path
) -> dict[str, Any]:
    old = settings.run(live["run"])
    old_model = _get_folder(old, f"models/{GATE_TASK}", work / "live" / "model")
    old_data = _get_folder(old, "export", work / "live" / "data", ("targets.parquet",))
    out = work / "comparison.json"
    command = ["compare", "--data", str(data), "--run", str(model), "--live", str(old_model)]
    command += ["--live-targets", str(old_data / "targets.parquet"), "--out", str(out)]
    _run(_ml(*command))
    compared: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return compared


def _predict(settings: Settings, run_id: str, work: Path) -> None:
    data = _data(settings, run_id, work)
    for task in TASKS:
        # the run's folder is the model_version in what it predicts
        model = _get_folder(settings.run(run_id), f"models/{task}", work / "models" / task / run_id)
        out = work / "predictions" / task
        command = ["predict", "--task", task, "--run", str(model), "--data", str(data)]
        if task == "next-in-cart":
            command += ["--carts", str(_empty_carts(data, work / "carts.csv"))]
        _run(_ml(*command, "--out", str(out)))
        _put_folder(out, settings.run(run_id), f"predictions/{task}")


def _empty_carts(data: Path, carts: Path) -> Path:
    """Write an empty cart for every order to come, under its shopper's number, and give `carts`."""
    to_come = pl.col("orders_back") == 0
    pl.read_parquet(data.with_name("targets.parquet")).filter(to_come).select(
        pl.col("user_id").alias("cart_id"),
        "user_id",
        pl.lit(None).alias("position"),
        pl.lit(None).alias("product_id"),
    ).write_csv(carts)
    return carts


def _publish(settings: Settings, run_id: str, _work: Path) -> None:
    """
    Name this run the live one, and give its recommendations to dbt's source `predictions`.

    One object says what is live and is replaced, so model and predictions go together.
    """
    run = settings.run(run_id)
    verdict = read_json(client("s3"), run, "gate.json")
    if not verdict or not verdict["passed"]:
        raise click.ClickException(f"Run {run_id} has not passed the gate: nothing is published.")
    for task in TASKS:
        for part in ("models", "predictions"):
            if not any(list_objects(client("s3"), run.below(f"{part}/{task}"))):
                raise click.ClickException(
                    f"Run {run_id} has no {part} of {task}: nothing is published."
                )
    client("s3").copy(
        {"Bucket": run.bucket, "Key": run.key(f"predictions/{RECOMMENDATIONS}")},
        settings.lake.bucket,
        settings.lake.key("predictions/recommendations/recommendations.parquet"),
    )
    published = {
        "run": run_id,
        "published_at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "models": f"{run}models/",
        "predictions": f"{run}predictions/",
    } | verdict
    write_json(client("s3"), settings.live, "current.json", published)
    click.echo(f"{settings.live}current.json: {run_id} is live")


STEPS: dict[str, Callable[[Settings, str, Path], None]] = {
    "fix-serde": _fix_serde,
    "verify": _verify,
    "build": _build,
    "train": _train,
    "evaluate": _evaluate,
    "predict": _predict,
    "publish": _publish,
}


def live_run(settings: Settings) -> dict[str, Any] | None:
    """Give what `publish` wrote last; None before the first time."""
    live: dict[str, Any] | None = read_json(client("s3"), settings.live, "current.json")
    return live


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
        lines = [line for line in last if line]
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
    return _get_folder(settings.run(run_id), "export", work / "data") / "data.csv"


def _leave_reason(settings: Settings, run_id: str, reason: str) -> None:
    place = settings.run(run_id)
    try:
        client("s3").put_object(
            Bucket=place.bucket, Key=place.key("reason.txt"), Body=reason.encode()
        )
    except Exception as error:  # noqa: BLE001 - the step's own error is the one to be told
        click.echo(f"The reason could not be written: {error}", err=True)


def _get_folder(
    place: Location, name: str, folder: Path, only: tuple[str, ...] | None = None
) -> Path:
    below = place.below(name)
    objects = {
        found.key.removeprefix(below.prefix): found
        for found in list_objects(client("s3"), below)
        if not found.key.endswith("/")
    }
    if not objects:
        raise click.ClickException(f"{below} is empty: the step before left nothing there.")
    wanted = objects if only is None else objects.keys() & set(only)
    download(client("s3"), [(objects[name], folder / name) for name in wanted])
    return folder


def _put(path: Path, place: Location, name: str) -> None:
    client("s3").upload_file(str(path), place.bucket, place.key(name))


def _put_folder(folder: Path, place: Location, name: str) -> None:
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        _put(path, place, f"{name}/{path.relative_to(folder)}")

"""Writes report.html: everything about a run on one page that needs no network."""

import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ml.atomic import file_aside
from ml.metrics import Interval
from ml.report.charts import IntervalRow, bar_chart, interval_chart
from ml.runs import read_run

FEATURES_SHOWN = 15


def write_report(run_folder: Path) -> Path:
    """
    Write report.html into a run's folder.

    Parameters
    ----------
    run_folder
        Folder of a finished run.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    click.ClickException
        If there is no such run.

    """
    run = read_run(run_folder)
    examples = json.loads((run_folder / "examples.json").read_text(encoding="utf-8"))
    ladder = run.metrics["ladder"]
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = templates.get_template("page.html.j2").render(
        run=run,
        ladder=ladder,
        examples=examples,
        verdicts=_verdicts(ladder),
        ladder_chart=interval_chart(_interval_rows(ladder), "Mean F1 of each predictor"),
        gain_chart=bar_chart(
            _gain_shares(run.features["gain"][examples["context"]]),
            "Share of the gain of each feature",
        ),
    )
    path = run_folder / "report.html"
    with file_aside(path) as aside:
        aside.write_text(page, encoding="utf-8")
    return path


def _interval_rows(ladder: dict[str, Any]) -> list[IntervalRow]:
    return [
        IntervalRow(
            label=f"{rung['name']}, {rung['context']}" if rung["name"] == "model" else rung["name"],
            interval=Interval(**rung["f1"]),
            is_model=rung["name"] == "model",
        )
        for rung in ladder["rungs"]
    ]


def _verdicts(ladder: dict[str, Any]) -> list[dict[str, Any]]:
    """Give each context's mean F1 and its comparison with the best baseline."""
    baselines = [rung for rung in ladder["rungs"] if rung["name"] != "model"]
    best = max(baselines, key=lambda rung: rung["f1"]["mean"])["name"]
    f1 = {
        rung["context"]: rung["f1"]["mean"] for rung in ladder["rungs"] if rung["name"] == "model"
    }
    return [
        comparison | {"f1": f1[comparison["context"]]}
        for comparison in ladder["comparisons"]
        if comparison["baseline"] == best
    ]


def _gain_shares(gain: dict[str, float]) -> list[tuple[str, float]]:
    total = sum(gain.values()) or 1.0
    ranked = sorted(gain.items(), key=lambda feature: -feature[1])
    return [(name, value / total) for name, value in ranked[:FEATURES_SHOWN]]

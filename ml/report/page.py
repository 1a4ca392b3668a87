"""Writes report.html: everything about a run on one page that needs no network."""

import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ml.atomic import file_aside
from ml.buy_again.entries import MODEL, SEED_RECIPE
from ml.metrics import Interval
from ml.report.charts import IntervalRow, bar_chart, interval_chart, reliability_chart
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
        reliability_chart=reliability_chart(
            [
                (one["probability"], one["share"])
                for one in ladder["calibration"][examples["context"]]
            ],
            "Share bought against predicted chance",
        ),
        shap_chart=bar_chart(
            _shares(run.features["shap"][examples["context"]]),
            "Share of each feature in the contributions to a chance",
        ),
        gain_chart=bar_chart(
            _shares(run.features["gain"][examples["context"]]),
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
            label=f"{rung['name']}, {rung['context']}" if rung["name"] == MODEL else rung["name"],
            interval=Interval(**rung["f1"]),
            is_model=rung["name"] == MODEL,
        )
        for rung in ladder["rungs"]
    ]


def _verdicts(ladder: dict[str, Any]) -> list[dict[str, Any]]:
    """Give each context's mean F1 and its comparisons with the best baseline and the seed."""
    return [
        {
            "context": rung["context"],
            "f1": rung["f1"]["mean"],
            "comparisons": [
                one
                for one in ladder["comparisons"]
                if one["context"] == rung["context"]
                and one["measure"] == "F1"
                and one["baseline"] in (ladder["best_baseline"], SEED_RECIPE)
            ],
        }
        for rung in ladder["rungs"]
        if rung["name"] == MODEL
    ]


def _shares(amounts: dict[str, float]) -> list[tuple[str, float]]:
    total = sum(amounts.values()) or 1.0
    ranked = sorted(amounts.items(), key=lambda feature: -feature[1])
    return [(name, value / total) for name, value in ranked[:FEATURES_SHOWN]]

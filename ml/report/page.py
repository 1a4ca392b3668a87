"""Writes report.html: everything about one or several runs on one page that needs no network."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ml.judging.comparison import Comparison, against_best
from ml.judging.metrics import Interval
from ml.report.charts import IntervalRow, bar_chart, interval_chart, reliability_chart
from ml.runs.run import Run, read_run
from ml.tasks.buy_again.entries import MODEL, SEED_RECIPE
from ml.tools.atomic_files import file_aside

FEATURES_SHOWN = 15

_BUY_AGAIN, _DISCOVERY, _NEXT_IN_CART = "buy-again", "discovery", "next-in-cart"
_TITLES = {
    _BUY_AGAIN: "What shoppers will buy again",
    _DISCOVERY: "What shoppers will buy for the first time",
    _NEXT_IN_CART: "What comes next into the cart",
}
_LEADS = {
    _BUY_AGAIN: (
        "From a shopper's earlier orders the model gives every product in them the chance to be in"
        " the next order, and picks the basket that fits these chances best."
    ),
    _DISCOVERY: (
        "Out of all products that a shopper never bought, the model lists those most likely to be"
        " in the next order."
    ),
    _NEXT_IN_CART: (
        "From what lies in the cart, its order, and the shopper's history, the model ranks what is"
        " put into it next."
    ),
}
# of each further task the measures shown first, each against the baseline that does best in it
_SHOWN_FIRST = {_DISCOVERY: ("recall@10", "recall@80"), _NEXT_IN_CART: ("HR@10", "MRR@10")}
_EXAMPLES = {
    _DISCOVERY: (
        "From shoppers without a hit in their first ten to those with the most. The chances come"
        " from models that had not seen the shopper."
    ),
    _NEXT_IN_CART: (
        "The three lists side by side: what is likely to be bought again, what for the first time,"
        " and what comes next once the likeliest product lies in the cart."
    ),
}


@dataclass(frozen=True)
class _Part:
    """What the page says about one run."""

    task: str
    trained_at: str
    title: str
    lead: str
    body: Markup


def write_report(run_folders: Sequence[Path], path: Path) -> Path:
    """
    Write one page about one run, or about a run of each of several tasks.

    With a run of next-in-cart the page begins with its example shoppers, who have all three lists.

    Parameters
    ----------
    run_folders
        Folders of finished runs, in the order of the page.
    path
        The page to write.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    click.ClickException
        If there is no such run.

    """
    runs = [read_run(folder) for folder in run_folders]
    templates = Environment(
        loader=FileSystemLoader(
            [Path(__file__).parent, Path(__file__).parents[1] / "tasks" / "buy_again"]
        ),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    with_shoppers = {run.features["task"]: run for run in runs}.get(_NEXT_IN_CART)
    parts = [_part(templates, run) for run in runs]
    page = templates.get_template("page.html.j2").render(
        title=parts[0].title if len(parts) == 1 else "What shoppers buy next",
        lead=parts[0].lead
        if len(parts) == 1
        else "Three predictions for every shopper, and how"
        " good each of them is on shoppers that the models had not learnt from.",
        shoppers=_shoppers(templates, with_shoppers) if with_shoppers else "",
        parts=parts,
    )
    with file_aside(path) as aside:
        aside.write_text(page, encoding="utf-8")
    return path


def _part(templates: Environment, run: Run) -> _Part:
    task = run.features["task"]
    ladder = run.metrics["ladder"]
    judged = (
        f"{ladder['orders']:,} orders of shoppers"
        if "orders" in ladder
        else f"{ladder['shoppers']:,} shoppers"
    )
    body = _buy_again(templates, run) if task == _BUY_AGAIN else _lists(templates, run)
    if task == _DISCOVERY:
        body += _shoppers(templates, run)
    return _Part(
        task=task,
        trained_at=run.environment["trained_at"],
        title=_TITLES[task],
        lead=_LEADS[task]
        + (f" It was judged on {judged} that it had not learnt from." if ladder["rungs"] else ""),
        body=body,
    )


def _shoppers(templates: Environment, run: Run) -> Markup:
    text = templates.get_template("shoppers.html.j2").render(
        shoppers=_examples(run)["shoppers"], about=_EXAMPLES[run.features["task"]]
    )
    return Markup(text)  # noqa: S704 - escaped by its template


def _examples(run: Run) -> dict[str, Any]:
    text = (run.folder / "examples.json").read_text(encoding="utf-8")
    examples: dict[str, Any] = json.loads(text)
    return examples


def _buy_again(templates: Environment, run: Run) -> Markup:
    examples = _examples(run)
    ladder = run.metrics["ladder"]
    text = templates.get_template("report.html.j2").render(
        run=run,
        ladder=ladder,
        comparisons=_comparisons(ladder),
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
    return Markup(text)  # noqa: S704 - escaped by its template


def _lists(templates: Environment, run: Run) -> Markup:
    ladder = run.metrics["ladder"]
    comparisons = _comparisons(ladder)
    means = {
        measure: interval["mean"]
        for rung in ladder["rungs"]
        if rung["name"] == MODEL
        for measure, interval in rung["measures"].items()
    }
    text = templates.get_template("lists.html.j2").render(
        run=run,
        protocol=_protocol(ladder),
        ladder=ladder,
        means=means,
        verdicts=[
            one
            for one in against_best(comparisons)
            if one.measure in _SHOWN_FIRST[run.features["task"]]
        ],
        comparisons={
            name: [one for one in comparisons if one.baseline == name]
            for name in dict.fromkeys(one.baseline for one in comparisons)
        },
    )
    return Markup(text)  # noqa: S704 - escaped by its template


def _protocol(ladder: dict[str, Any]) -> str:
    if ladder["protocol"] == "PN":
        p50, p90 = ladder["milliseconds"]
        judged = f"{ladder['steps']:,} steps of {ladder['orders']:,} orders"
        more = f" One answer takes {p50:.1f} ms (p50), {p90:.1f} ms (p90)."
    else:
        judged = f"{ladder['shoppers']:,} shoppers whose order held something new"
        more = f" {ladder['unknown_share']:.0%} of the new products are in nobody's history."
    return (
        f"Protocol {ladder['protocol']}, orders_back {ladder['window']}: {judged}, 95 % intervals"
        f" of {ladder['resamples']:,} bootstrap resamples.{more}"
    )


def _interval_rows(ladder: dict[str, Any]) -> list[IntervalRow]:
    return [
        IntervalRow(
            label=f"{rung['name']}, {rung['context']}" if rung["name"] == MODEL else rung["name"],
            interval=Interval(**rung["f1"]),
            is_model=rung["name"] == MODEL,
        )
        for rung in ladder["rungs"]
    ]


def _comparisons(ladder: dict[str, Any]) -> list[Comparison]:
    return [
        Comparison(
            one["baseline"], one["measure"], Interval(**one["difference"]), one.get("context")
        )
        for one in ladder["comparisons"]
    ]


def _verdicts(ladder: dict[str, Any]) -> list[dict[str, Any]]:
    """Give each context's mean F1 and its comparisons with the best baseline and the seed."""
    return [
        {
            "context": rung["context"],
            "f1": rung["f1"]["mean"],
            "comparisons": [
                one
                for one in _comparisons(ladder)
                if one.context == rung["context"]
                and one.measure == "F1"
                and one.baseline in (ladder["best_baseline"], SEED_RECIPE)
            ],
        }
        for rung in ladder["rungs"]
        if rung["name"] == MODEL
    ]


def _shares(amounts: dict[str, float]) -> list[tuple[str, float]]:
    total = sum(amounts.values()) or 1.0
    ranked = sorted(amounts.items(), key=lambda feature: -feature[1])
    return [(name, value / total) for name, value in ranked[:FEATURES_SHOWN]]

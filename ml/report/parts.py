"""What the parts of several tasks are made of."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from ml.data.contract import Context
from ml.judging.comparison import Comparison, against_best
from ml.judging.metrics import Interval
from ml.report.page import templates
from ml.runs.run import EXAMPLES, Run, read_json


def read_examples(run: Run) -> dict[str, Any]:
    """
    Read the example shoppers that a run keeps.

    Raises
    ------
    click.ClickException
        If the file is missing or damaged.

    """
    return read_json(run.folder, EXAMPLES)


def known_orders(run: Run) -> str:
    """Say how much was known to learn from, behind another sentence."""
    return f" {run.data['known_orders']}" if "known_orders" in run.data else ""


def read_comparisons(run: Run) -> list[Comparison]:
    """Read the comparisons in a run's ladder."""
    return [
        Comparison(one["baseline"], one["measure"], Interval(**one["difference"]), one["context"])
        for one in run.metrics["ladder"]["comparisons"]
    ]


def context_comparisons(run: Run, context: Context) -> list[Comparison]:
    """Read those of one context."""
    return [one for one in read_comparisons(run) if one.context == context]


def shopper_lists(run: Run, about: str) -> Markup:
    """Show a run's example shoppers with their lists, below a sentence about them."""
    return _render("shoppers.html.j2", shoppers=read_examples(run)["shoppers"], about=about)


def ranking_tables(run: Run, protocol: str, shown_first: Sequence[str]) -> Markup:
    """
    Show how good a ranking is: every measure of every rung, and the differences to the model.

    Parameters
    ----------
    run
        A finished run whose ladder has the same measures on every rung.
    protocol
        Says how it was judged.
    shown_first
        The measures that stand first, each against the baseline that does best in it.

    """
    ladder, comparisons = run.metrics["ladder"], read_comparisons(run)
    means = {
        measure: interval["mean"]
        for rung in ladder["rungs"]
        if rung["is_model"]
        for measure, interval in rung["measures"].items()
    }
    return _render(
        "lists.html.j2",
        run=run,
        protocol=protocol,
        ladder=ladder,
        means=means,
        verdicts=[one for one in against_best(comparisons) if one.measure in shown_first],
        comparisons={
            name: [one for one in comparisons if one.baseline == name]
            for name in dict.fromkeys(one.baseline for one in comparisons)
        },
    )


def _render(name: str, **values: object) -> Markup:
    text = templates(Path(__file__).parent).get_template(name).render(**values)
    return Markup(text)  # noqa: S704 - escaped by its template

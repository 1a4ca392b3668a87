"""What the parts of several tasks are made of."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from ml.data.contract import Context
from ml.judging.comparison import Comparison, against_best, signed
from ml.judging.metrics import Interval
from ml.report.page import Answer, templates
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


def first_answer(comparison: Comparison, mean: float, judged: str, change: str) -> Answer:
    """
    Answer what is asked first.

    Parameters
    ----------
    comparison
        The model against the best baseline.
    mean
        The model's measure.
    judged
        What both were judged on, such as `412 orders`.
    change
        What would change for a shopper, as a sentence.

    """
    is_proven = comparison.verdict == "better"
    told = (
        "more than chance would show"
        if is_proven
        else "fewer than could tell them apart"
        if comparison.verdict == "not proven"
        else "and it is worse"
    )
    return Answer(
        good=f"{comparison.words.capitalize()} {comparison.baseline}: {comparison.measure}"
        f" {mean:.3f} instead of {mean - comparison.difference.mean:.3f}.",
        trust=f"Both were judged on {judged} of shoppers that the model had not learnt from: the"
        f" difference is {signed(comparison.difference)} (95 %), {told}.",
        change=change,
        is_proven=is_proven,
    )


def hits(share: float, other: float) -> str:
    """Write two shares of 100 things, the second for comparison."""
    return f"{100 * share:.0f} instead of {100 * other:.0f}"


def ranking_answer(run: Run, measure: str, judged: str, change: str) -> Answer | None:
    """
    Answer for a ranking by one measure, a share of hits; None if nothing was judged.

    Parameters
    ----------
    run
        A finished run whose ladder has the measure on every rung.
    measure
        The share of cases with a hit.
    judged
        What was judged.
    change
        A sentence with {} where the hits of 100 cases stand.

    """
    against = [one for one in against_best(read_comparisons(run)) if one.measure == measure]
    if not against:
        return None
    (best,) = against
    mean = next(
        rung["measures"][measure]["mean"]
        for rung in run.metrics["ladder"]["rungs"]
        if rung["is_model"]
    )
    return first_answer(best, mean, judged, change.format(hits(mean, mean - best.difference.mean)))


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

"""Prints ladders on stdout."""

from collections.abc import Sequence

from ml.judging.comparison import Comparison
from ml.judging.ladder import Ladder
from ml.judging.metrics import Interval
from ml.tools.terminal import print_message, print_table


def print_measures(ladder: Ladder, measures: Sequence[str]) -> None:
    """Print some measures of every rung, below each figure its interval."""
    print_table(
        ["ranking", *measures],
        [
            [rung.name, *(interval_cell(rung.measures[measure]) for measure in measures)]
            for rung in ladder.rungs
        ],
    )


def print_verdicts(ladder: Ladder) -> None:
    """Print for each verdict a sentence: is the model better, or why nobody knows."""
    for verdict in ladder.verdicts:
        print_message(verdict)


def interval_cell(interval: Interval) -> str:
    """Write a measure and below it the ends of its interval."""
    return f"{interval.mean:.4f}\n{interval.low:.3f}-{interval.high:.3f}"


def print_comparisons(comparisons: Sequence[Comparison]) -> None:
    """
    Print a row for each comparison, with the context where there are several.

    `detectable` is the smallest difference that would have been seen (Interval.detectable).
    """
    contexts = [[one.context] if one.context else [] for one in comparisons]
    names = ["model", "against", "measure"] if any(contexts) else ["model against", "measure"]
    print_table(
        [*names, "difference", "95 %", "detectable", "verdict"],
        [
            [
                *context,
                one.baseline,
                one.measure,
                f"{one.difference.mean:+.4f}",
                f"{one.difference.low:+.4f} to {one.difference.high:+.4f}",
                f"{one.difference.detectable:.4f}",
                one.verdict,
            ]
            for context, one in zip(contexts, comparisons, strict=True)
        ],
        left=len(names),
    )

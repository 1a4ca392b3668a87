"""Prints the ladder of next-in-cart."""

from ml.judging.comparison import interval_cell, print_comparisons, verdicts
from ml.tasks.next_in_cart import parameters
from ml.tasks.next_in_cart.ladder import MEASURES, Ladder
from ml.tools.terminal import print_sentence, print_table


def print_ladder(ladder: Ladder) -> None:
    """Print every ranking, the paired differences and the verdicts on stdout."""
    if ladder.rungs:
        p50, p90 = ladder.milliseconds
        print_sentence(
            f"Protocol {ladder.protocol}: {ladder.steps:,} steps of {ladder.orders:,} orders of"
            f" orders_back {ladder.window}, {ladder.repeat_share:.0%} repeat; below each figure its"
            f" 95 % interval of {ladder.resamples:,} bootstrap resamples by order. One answer takes"
            f" {p50:.1f} ms (p50), {p90:.1f} ms (p90). The model's first ten show"
            f" {ladder.coverage:.1%} of the products; {ladder.popularity:.1%} of the shoppers had"
            " bought the mean one."
        )
        # two tables, because one is wider than most terminals
        for measures in (MEASURES[:3], MEASURES[3:]):
            print_table(
                ["ranking", *measures],
                [
                    [rung.name, *(interval_cell(rung.measures[measure]) for measure in measures)]
                    for rung in ladder.rungs
                ],
            )
        print_comparisons(ladder.comparisons)
    print_verdicts(ladder)


def print_verdicts(ladder: Ladder) -> None:
    """Print for each measure whether the model beats the best baseline, or why nobody knows."""
    for sentence in sentences(ladder):
        print_sentence(sentence)


def sentences(ladder: Ladder) -> list[str]:
    """Say for each measure whether the model beats the best baseline, or why nobody knows."""
    nothing = (
        f"Protocol {ladder.protocol}: no known order of orders_back {ladder.window} holds"
        f" {parameters.FIRST_STEP + 1} products or more, so that there is no step to judge."
    )
    return verdicts(ladder.comparisons) or [nothing]

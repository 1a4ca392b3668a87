"""Prints the ladder of discovery."""

from ml.judging.comparison import interval_cell, print_comparisons, verdicts
from ml.tasks.discovery.ladder import Ladder
from ml.tasks.discovery.measures import MEASURES
from ml.tools.terminal import print_sentence, print_table


def print_ladder(ladder: Ladder) -> None:
    """Print every ranking, the paired differences and the verdicts on stdout."""
    print_sentence(
        f"Protocol {ladder.protocol}: {ladder.shoppers:,} shoppers whose target order of"
        f" orders_back {ladder.window} holds a new product; {ladder.unknown_share:.0%} of the new"
        f" products are in nobody's history. Below each figure its 95 % interval of"
        f" {ladder.resamples:,} bootstrap resamples."
    )
    print_table(
        ["ranking", *MEASURES],
        [
            [rung.name, *(interval_cell(rung.measures[measure]) for measure in MEASURES)]
            for rung in ladder.rungs
        ],
    )
    print_sentence(
        "Of the first ten of all lists: share of the products, and mean share of buyers."
    )
    print_table(
        ["ranking", "coverage@10", "popularity"],
        [[rung.name, f"{rung.coverage:.4f}", f"{rung.popularity:.3f}"] for rung in ladder.rungs],
    )
    print_comparisons(ladder.comparisons)
    print_verdicts(ladder)


def print_verdicts(ladder: Ladder) -> None:
    """Print for each measure whether the model beats the baseline that does best in it."""
    for sentence in verdicts(ladder.comparisons):
        print_sentence(sentence)

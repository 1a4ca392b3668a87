"""Prints the ladder of discovery."""

from ml.judging.ladder import Ladder
from ml.judging.printing import print_comparisons, print_measures, print_verdicts
from ml.tasks.discovery.measures import MEASURES
from ml.tools.terminal import print_message, print_table


def print_ladder(ladder: Ladder) -> None:
    """Print every ranking, the paired differences and the verdicts on stdout."""
    _print_rungs(ladder)
    if ladder.pooled:
        _print_rungs(ladder.pooled)
    print_verdicts(ladder)


def _print_rungs(ladder: Ladder) -> None:
    judged = ladder.judged
    orders = (
        f"{judged['shoppers']:,} shoppers whose target order of orders_back {ladder.window} holds"
        " a new product"
        if judged["windows"] == 1
        else f"{judged['orders']:,} target orders with a new product, of {judged['shoppers']:,}"
        f" shoppers and the {judged['windows']} windows from orders_back {ladder.window} on"
    )
    print_message(
        f"Protocol {ladder.protocol}: {orders}; {ladder.figures['unknown_share']:.0%} of the new"
        " products are in nobody's history. Below each figure its 95 % interval of"
        f" {ladder.resamples:,} bootstrap resamples of shoppers."
    )
    print_measures(ladder, MEASURES)
    print_message(
        "Of the first ten of all lists: share of the products, mean share of buyers, aisles in a"
        " list, and share from aisles in which the shopper never bought."
    )
    print_table(
        ["ranking", "coverage@10", "popularity", "aisles", "new aisles"],
        [
            [
                rung.name,
                f"{rung.figures['coverage']:.4f}",
                f"{rung.figures['popularity']:.3f}",
                f"{rung.figures['aisles']:.1f}",
                f"{rung.figures['new_aisles']:.3f}",
            ]
            for rung in ladder.rungs
        ],
    )
    print_comparisons(ladder.comparisons)

"""Prints the ladder of next-in-cart."""

from ml.judging.ladder import Ladder
from ml.judging.printing import print_comparisons, print_measures, print_verdicts
from ml.tasks.next_in_cart.ladder import MEASURES
from ml.tools.terminal import print_message


def print_ladder(ladder: Ladder) -> None:
    """Print every ranking, the paired differences and the verdicts on stdout."""
    if ladder.rungs:
        figures, model = ladder.figures, ladder.rungs[-1].figures
        print_message(
            f"Protocol {ladder.protocol}: {ladder.judged['steps']:,} steps of"
            f" {ladder.judged['orders']:,} orders of orders_back {ladder.window},"
            f" {figures['repeat_share']:.0%} repeat; below each figure its 95 % interval of"
            f" {ladder.resamples:,} bootstrap resamples by order. One answer takes"
            f" {figures['milliseconds_p50']:.1f} ms (p50), {figures['milliseconds_p90']:.1f} ms"
            f" (p90). The model's first ten show {model['coverage']:.1%} of the products;"
            f" {model['popularity']:.1%} of the shoppers had bought the mean one."
        )
        # two tables, because one is wider than most terminals
        print_measures(ladder, MEASURES[:3])
        print_measures(ladder, MEASURES[3:])
        print_comparisons(ladder.comparisons)
    print_verdicts(ladder)

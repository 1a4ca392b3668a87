"""Prints the ladder of next-in-cart."""

from ml.comparison import print_comparisons
from ml.next_in_cart.steps import MEASURES, Ladder
from ml.plain_table import print_sentence, print_table


def print_ladder(ladder: Ladder) -> None:
    """Print every ranking, the paired differences and the verdict on stdout."""
    p50, p90 = ladder.milliseconds
    print_sentence(
        f"Protocol {ladder.protocol}: {ladder.steps:,} steps of {ladder.orders:,} orders of"
        f" orders_back {ladder.window}, {ladder.repeat_share:.0%} repeat; 95 % interval of"
        f" {ladder.resamples:,} bootstrap resamples by order. One answer takes {p50:.1f} ms (p50),"
        f" {p90:.1f} ms (p90). The model's first ten show {ladder.coverage:.1%} of the products;"
        f" {ladder.popularity:.1%} of the shoppers had bought the mean one."
    )
    print_table(
        ["ranking", *MEASURES],
        [
            [rung.name, *(f"{rung.measures[measure].mean:.4f}" for measure in MEASURES)]
            for rung in ladder.rungs
        ],
    )
    # a column for each measure would be wider than most terminals
    print_table(
        ["model against", "measure", "difference", "95 % interval"],
        [
            [
                one.baseline,
                one.measure,
                f"{one.difference.mean:+.4f}",
                f"[{one.difference.low:+.4f}, {one.difference.high:+.4f}]",
            ]
            for one in ladder.comparisons
        ],
    )
    print_comparisons(ladder.comparisons)

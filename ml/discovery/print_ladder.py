"""Prints the ladder of discovery."""

from ml.comparison import print_comparisons
from ml.discovery.ladder import Ladder
from ml.discovery.measures import MEASURES
from ml.plain_table import print_sentence, print_table


def print_ladder(ladder: Ladder) -> None:
    """Print every ranking, the paired differences and the verdict on stdout."""
    print_sentence(
        f"Protocol {ladder.protocol}: {ladder.shoppers:,} shoppers whose target order of"
        f" orders_back {ladder.window} holds a new product; {ladder.unknown_share:.0%} of the new"
        f" products are in nobody's history. 95 % interval of {ladder.resamples:,} bootstrap"
        " resamples."
    )
    print_table(
        ["ranking", *MEASURES, "coverage@10", "popularity"],
        [
            [
                rung.name,
                *(f"{rung.measures[measure].mean:.4f}" for measure in MEASURES),
                f"{rung.coverage:.4f}",
                f"{rung.popularity:.3f}",
            ]
            for rung in ladder.rungs
        ],
    )
    print_table(
        ["model against", *MEASURES],
        [
            [
                name,
                *(
                    f"{one.difference.mean:+.4f} [{one.difference.low:+.4f},"
                    f" {one.difference.high:+.4f}]"
                    for one in ladder.comparisons
                    if one.baseline == name
                ),
            ]
            for name in dict.fromkeys(one.baseline for one in ladder.comparisons)
        ],
    )
    print_comparisons(ladder.comparisons)

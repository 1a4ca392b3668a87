"""A model against a baseline, measure by measure, and the verdict in words."""

from collections.abc import Sequence
from dataclasses import dataclass

from ml.metrics import Interval
from ml.plain_table import print_sentence


@dataclass(frozen=True)
class Comparison:
    """The model's measure minus a baseline's, on the same shoppers or steps."""

    baseline: str
    measure: str
    difference: Interval
    is_better: bool


def print_comparisons(comparisons: Sequence[Comparison]) -> None:
    """Print for each baseline in which measures the model is better."""
    for name in dict.fromkeys(one.baseline for one in comparisons):
        better = [one.measure for one in comparisons if one.baseline == name and one.is_better]
        print_sentence(
            f"{name}: the model is {'better in ' + ', '.join(better) if better else 'not better'}."
        )

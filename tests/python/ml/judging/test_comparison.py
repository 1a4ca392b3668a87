"""Verdicts on a model, and which baseline it is held against."""

import pytest

from ml.judging.comparison import Comparison, against_best, verdicts
from ml.judging.metrics import Interval


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.01, 0.03, "better"),
        (0.0, 0.03, "not proven"),
        (-0.01, 0.03, "not proven"),
        (-0.03, 0.0, "not proven"),
        (-0.03, -0.01, "worse"),
    ],
)
def test_only_a_whole_interval_on_one_side_decides(low: float, high: float, verdict: str) -> None:
    comparison = Comparison("rule", "F1", Interval((low + high) / 2, low, high))
    assert comparison.verdict == verdict


def test_each_measure_is_held_against_the_baseline_that_does_best_in_it() -> None:
    comparisons = [
        Comparison("rule", "hit", Interval(0.02, 0.01, 0.03)),
        Comparison("rule", "recall", Interval(-0.02, -0.03, -0.01)),
        Comparison("other", "hit", Interval(0.01, -0.01, 0.03)),
        Comparison("other", "recall", Interval(0.04, 0.01, 0.07)),
    ]
    assert against_best(comparisons) == [comparisons[2], comparisons[1]]
    assert verdicts(comparisons) == [
        (
            "hit: the model is not proven to be better than the best baseline (other):"
            " +0.0100 [-0.0100, +0.0300]"
        ),
        "recall: the model is worse than the best baseline (rule): -0.0200 [-0.0300, -0.0100]",
    ]

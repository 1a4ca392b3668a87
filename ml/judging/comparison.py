"""A model against other predictors, measure by measure, and the verdict in words."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from ml.data.contract import Context
from ml.judging.metrics import Interval

Verdict = Literal["better", "not proven", "worse"]
_WORDS: dict[Verdict, str] = {
    "better": "better than",
    "not proven": "not proven to be better than",
    "worse": "worse than",
}


@dataclass(frozen=True)
class Comparison:
    """
    A model's measure minus another predictor's, on the same orders, shoppers or steps.

    Attributes
    ----------
    baseline, measure
        The other predictor, and what was measured; more is better.
    difference
        Its mean and 95 % interval.
    context
        Which model, where a task has one for each context.
    verdict
        `better` or `worse` if the whole interval is above or below 0, else `not proven`.

    """

    baseline: str
    measure: str
    difference: Interval
    context: Context | None = None
    verdict: Verdict = field(init=False)

    def __post_init__(self) -> None:
        """Judge the interval."""
        low, high = self.difference.low, self.difference.high
        verdict: Verdict = "better" if low > 0 else "worse" if high < 0 else "not proven"
        object.__setattr__(self, "verdict", verdict)

    @property
    def words(self) -> str:
        """Say the verdict so that the other predictor's name may follow."""
        return _WORDS[self.verdict]


def against_best(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Choose for each measure the comparison with the baseline that does best in it."""
    return [
        min(
            (one for one in comparisons if one.measure == measure),
            key=lambda one: one.difference.mean,
        )
        for measure in dict.fromkeys(one.measure for one in comparisons)
    ]


def verdicts(comparisons: Sequence[Comparison]) -> list[str]:
    """Say for each measure whether the model beats the baseline that does best in it."""
    return [
        f"{one.measure}: the model is {one.words} the best baseline ({one.baseline}):"
        f" {signed(one.difference)}"
        for one in against_best(comparisons)
    ]


def signed(interval: Interval) -> str:
    """Write a difference and its interval."""
    return f"{interval.mean:+.4f} [{interval.low:+.4f}, {interval.high:+.4f}]"

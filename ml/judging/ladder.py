"""The ladder: every predictor of a task judged on the same orders, from the simplest one up."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ml.data.contract import Context
from ml.judging.comparison import Comparison
from ml.judging.metrics import Interval

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Rung:
    """
    One predictor's figures.

    Attributes
    ----------
    name
        Which predictor.
    is_model
        Whether it is the task's model, and no baseline.
    measures
        Means with their intervals, by the measure's name.
    figures
        Figures without an interval, by name; None where one does not apply.
    context, decision
        Where a task has several contexts, which; and how its baskets were chosen, in words.
    seconds
        Time to fit and predict, where it is taken.

    """

    name: str
    is_model: bool
    measures: dict[str, Interval]
    figures: dict[str, float | None]
    context: Context | None = None
    decision: str | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Ladder:
    """
    The predictors of a task on one window.

    Attributes
    ----------
    protocol
        By which protocol they were judged (docs/protocols.md).
    window
        orders_back of the orders judged.
    judged
        What was judged, and how much of it: orders, candidates, shoppers or steps, by name.
    figures
        What is known of all that was judged, whatever the predictor, by name.
    resamples
        Resamples of the bootstrap.
    rungs
        The baselines, then the model; none if there was nothing to judge.
    comparisons
        The model's paired differences.
    verdicts
        Sentences: is the model better than the baselines.
    pooled
        The same predictors on several windows together, this one the newest; None if only this one
        was judged.

    """

    protocol: str
    window: int
    judged: dict[str, int]
    figures: dict[str, float]
    resamples: int
    rungs: list[Rung]
    comparisons: list[Comparison]
    verdicts: list[str]
    pooled: "Ladder | None" = None

    def frame(self) -> "pd.DataFrame":
        """
        Lay the rungs out as a table to look at, in a notebook for example.

        Returns
        -------
        pandas.DataFrame
            A row for each rung, by name and context. Of each measure its mean, and `<measure> low`
            and `<measure> high`, the ends of its interval; then the figures.

        """
        import pandas as pd  # noqa: PLC0415 - slow to import, and only for those who look

        rows = []
        for rung in self.rungs:
            row: dict[str, object] = {"predictor": rung.name, "context": rung.context}
            for name, interval in rung.measures.items():
                row[name] = interval.mean
                row[f"{name} low"], row[f"{name} high"] = interval.low, interval.high
            rows.append(row | rung.figures)
        return pd.DataFrame(rows).set_index(["predictor", "context"])

"""The gate: may a new run go live? Above a floor, and no worse than the live run."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from ml.tools.atomic_files import file_aside


@dataclass(frozen=True)
class Figures:
    """
    What a run is worth.

    Attributes
    ----------
    measure, value
        A measure of which more is better, and what the run has of it.
    floor, floor_of
        The same of a baseline, and which.
    difference
        Ends of the 95 % interval of their paired difference, where a run is refused only if it is
        proven to be worse; None where it has to beat the floor.

    """

    measure: str
    value: float
    floor: float
    floor_of: str
    difference: tuple[float, float] | None = None

    @property
    def fault(self) -> str:
        """Say how the run falls short of its floor; empty if it does not."""
        if self.difference is None:
            fault = "does not beat" if self.value <= self.floor else ""
        else:
            fault = "is worse than" if self.difference[1] < 0 else ""
        told = f"{self.measure} {self.value:.4f} {fault} {self.floor_of} ({self.floor:.4f})"
        return told if fault else ""


@dataclass(frozen=True)
class LiveFigures:
    """
    The new run and the live one on the same orders.

    Attributes
    ----------
    context
        In which both were judged; None for a task without contexts.
    orders, rows_new_to_live
        How many orders, and how many of their rows the live run had not been judged on itself.
    value, live_value
        The measure of each run.
    difference
        Ends of the 95 % interval of their paired difference, where a run is refused only if it is
        proven to be worse; None where the margin alone decides.

    """

    context: str | None
    orders: int
    rows_new_to_live: int
    value: float
    live_value: float
    difference: tuple[float, float] | None = None

    def is_below(self, margin: float) -> bool:
        """Tell whether the new run falls short of the live one by more than a margin."""
        is_proven = self.difference is None or self.difference[1] < 0
        return is_proven and self.value < self.live_value - margin


@dataclass(frozen=True)
class Verdict:
    """
    Whether a run may go live, why not if it may not, and what was weighed.

    A run of which nothing could be judged has no figures, and passes.
    """

    passed: bool
    reason: str
    margin: float
    figures: Figures | None
    live: LiveFigures | None

    @property
    def words(self) -> str:
        """Say what was weighed."""
        if self.figures is None:
            return "there was nothing to judge"
        said = (
            f"{self.figures.measure} {self.figures.value:.4f}, {self.figures.floor_of}"
            f" {self.figures.floor:.4f}"
        )
        if self.live is None:
            return said
        return (
            f"{said}; on the same orders {self.live.value:.4f}, the live model"
            f" {self.live.live_value:.4f}"
        )

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        with file_aside(path) as aside:
            aside.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


def judge(figures: Figures | None, live: LiveFigures | None, margin: float) -> Verdict:
    """
    Hold the gate.

    Parameters
    ----------
    figures
        The new run and its floor; None if nothing could be judged.
    live
        The new run beside the live one; None if no run is live, or none of its orders is judged.
    margin
        How much the new run may fall short of the live one.

    """
    reason = figures.fault if figures else ""
    if figures and live and not reason and live.is_below(margin):
        reason = (
            f"{figures.measure} {live.value:.4f} is more than {margin} below the live model's"
            f" {live.live_value:.4f} on the same orders"
        )
    return Verdict(not reason, reason, margin, figures, live)

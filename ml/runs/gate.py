"""The gate: may a new run go live? Above a floor, and no worse than the live run."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from ml.tools.atomic_files import file_aside


@dataclass(frozen=True)
class Figures:
    """What a run is worth: a measure of which more is better, its value, and that of a floor."""

    measure: str
    value: float
    floor: float
    floor_of: str


@dataclass(frozen=True)
class LiveFigures:
    """
    The new run and the live one on the same orders.

    Attributes
    ----------
    context
        In which both were judged.
    orders, rows_new_to_live
        How many orders, and how many of their rows the live run had not been judged on itself.
    value, live_value
        The measure of each run.

    """

    context: str
    orders: int
    rows_new_to_live: int
    value: float
    live_value: float


@dataclass(frozen=True)
class Verdict:
    """Whether a run may go live, why not if it may not, and what was weighed."""

    passed: bool
    reason: str
    margin: float
    figures: Figures
    live: LiveFigures | None

    @property
    def words(self) -> str:
        """Say what was weighed."""
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


def judge(figures: Figures, live: LiveFigures | None, margin: float) -> Verdict:
    """
    Hold the gate.

    Parameters
    ----------
    figures
        The new run and its floor.
    live
        The new run beside the live one; None if no run is live.
    margin
        How much the new run may fall short of the live one.

    """
    reason = ""
    if figures.value <= figures.floor:
        reason = (
            f"{figures.measure} {figures.value:.4f} does not beat {figures.floor_of}"
            f" ({figures.floor:.4f})"
        )
    elif live and live.value < live.live_value - margin:
        reason = (
            f"{figures.measure} {live.value:.4f} is more than {margin} below the live model's"
            f" {live.live_value:.4f} on the same orders"
        )
    return Verdict(not reason, reason, margin, figures, live)

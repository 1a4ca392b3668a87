"""What a task is: one object says all that commands, runs, report, dbt and the cloud need of it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ml.judging.ladder import Ladder
    from ml.report.page import Part
    from ml.runs.gate import Figures, LiveFigures
    from ml.runs.run import Run

PUBLISHED = "predictions.parquet"
"""What `predict` writes beside a task's own files: its rows of the tables `predictions`."""


@dataclass(frozen=True)
class Gate:
    """
    How the gate weighs a task's runs.

    Attributes
    ----------
    figures
        Called with a finished run: what it is worth, beside its floor; None if it could not be
        judged.
    compare
        Called with data.csv, the folders of the new and of the live run, the live run's
        target_orders.parquet and a folder for temporary files: both on the same orders, None if
        there are none.

    """

    figures: "Callable[[Run], Figures | None]"
    compare: "Callable[[Path, Path, Path, Path, Path], LiveFigures | None]"


@dataclass(frozen=True)
class Functions:
    """
    What a task does.

    Attributes
    ----------
    train
        Called with data.csv, the run's folder and the task's `train_options`: fits, judges out of
        fold and writes the run.
    evaluate
        Called with data.csv and a run's folder: judges the run again beside every baseline.
    predict
        Called with a run's folder, data.csv, the folder to write to and `predict_options`.
    print_ladder
        Prints what `train` and `evaluate` give.
    report
        Gives what the report says of a run.

    """

    train: "Callable[..., Ladder]"
    evaluate: "Callable[[Path, Path], Ladder]"
    predict: Callable[..., None]
    print_ladder: "Callable[[Ladder], None]"
    report: "Callable[[Run], Part]"


@dataclass(frozen=True, kw_only=True)
class Task:
    """
    One kind of prediction.

    Attributes
    ----------
    name
        How commands call it, and its folder in RUNS_DIR.
    reads
        Names of the exported tables that its runs are made of.
    writes
        Names of the files that `predict` writes.
    load, load_gate
        Import the task's modules, some of which are slow to import, and give its functions, and how
        a new run is held against the live one. `load_gate` is None for a task whose runs always
        pass.
    train_options, predict_options
        Options of these commands that the task has of its own.
    published
        The one of `writes` that holds a row per shopper and product: `predict` writes it as
        PUBLISHED too, which goes back to the lake. None for a task that stays out of the tables.
    tune
        Called with data.csv, the file to write and minutes: searches fitting parameters. None for
        a task without such a search.

    """

    name: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    load: Callable[[], Functions]
    load_gate: Callable[[], Gate] | None = None
    train_options: tuple[click.Option, ...] = ()
    predict_options: tuple[click.Option, ...] = ()
    published: str | None = None
    tune: Callable[[Path, Path, float], None] | None = None

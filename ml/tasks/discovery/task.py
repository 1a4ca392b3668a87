"""Discovery as a task."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ml.tasks.discovery import FILE, NAME, READS
from ml.tasks.task import Functions, Gate, Task

if TYPE_CHECKING:
    from ml.runs.gate import Figures, LiveFigures
    from ml.runs.run import Run


def _load() -> Functions:
    from ml.tasks.discovery.evaluate import evaluate  # noqa: PLC0415
    from ml.tasks.discovery.predict import predict  # noqa: PLC0415
    from ml.tasks.discovery.printing import print_ladder  # noqa: PLC0415
    from ml.tasks.discovery.report import report  # noqa: PLC0415
    from ml.tasks.discovery.train import train  # noqa: PLC0415

    return Functions(train, evaluate, predict, print_ladder, report)


def _gate_figures(run: "Run") -> "Figures | None":
    from ml.tasks.discovery.gate import MEASURE  # noqa: PLC0415
    from ml.tasks.ranking_gate import ranking_figures  # noqa: PLC0415

    return ranking_figures(run, MEASURE)


def _compare(
    data: Path, run: Path, live: Path, live_targets: Path, _scratch: Path
) -> "LiveFigures | None":
    from ml.tasks.discovery.gate import compare_with_live  # noqa: PLC0415

    return compare_with_live(data, run, live, live_targets)


DISCOVERY = Task(
    name=NAME,
    reads=READS,
    writes=(FILE,),
    score=(FILE, "score"),
    load=_load,
    predict_options=(
        click.Option(
            ["--carts"],
            type=click.Path(path_type=Path),
            help="Carts as CSV: what lies in them is left out.",
        ),
        click.Option(
            ["--department", "departments"],
            metavar="NAME",
            multiple=True,
            help="Recommend only products of the departments of this name, in whatever case; may be"
            " given several times.",
        ),
        click.Option(
            ["--explore"],
            type=click.FloatRange(0, 1),
            default=0.0,
            show_default=True,
            help="More aisles and rarer products, up to 1, for fewer hits: `ml evaluate` says how"
            " many fewer.",
        ),
    ),
    published=FILE,
    gate=Gate(_gate_figures, _compare),
)

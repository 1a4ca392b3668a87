"""Discovery as a task."""

from functools import partial
from pathlib import Path

import click

from ml.tasks.discovery import FILE, NAME, READS
from ml.tasks.task import Functions, Gate, Task


def _load() -> Functions:
    from ml.tasks.discovery.evaluate import evaluate  # noqa: PLC0415
    from ml.tasks.discovery.predict import predict  # noqa: PLC0415
    from ml.tasks.discovery.printing import print_ladder  # noqa: PLC0415
    from ml.tasks.discovery.report import report  # noqa: PLC0415
    from ml.tasks.discovery.train import train  # noqa: PLC0415

    return Functions(train, evaluate, predict, print_ladder, report)


def _load_gate() -> Gate:
    from ml.tasks.discovery.gate import MEASURE, compare_with_live  # noqa: PLC0415
    from ml.tasks.ranking_gate import ranking_figures  # noqa: PLC0415

    return Gate(partial(ranking_figures, measure=MEASURE), compare_with_live)


DISCOVERY = Task(
    name=NAME,
    reads=READS,
    writes=(FILE,),
    load=_load,
    load_gate=_load_gate,
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
)

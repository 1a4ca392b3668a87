"""Discovery as a task."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ml.tasks.discovery import NAME, READS
from ml.tasks.task import Task

if TYPE_CHECKING:
    from ml.judging.ladder import Ladder
    from ml.report.page import Part
    from ml.runs.run import Run


def _train(data: Path, run: Path) -> "Ladder":
    from ml.tasks.discovery.train import train  # noqa: PLC0415

    return train(data, run)


def _evaluate(data: Path, run: Path) -> "Ladder":
    from ml.tasks.discovery.evaluate import evaluate  # noqa: PLC0415

    return evaluate(data, run)


def _predict(run: Path, data: Path, out: Path, **options: Any) -> None:  # noqa: ANN401
    from ml.tasks.discovery.predict import predict  # noqa: PLC0415

    predict(run, data, out, **options)


def _print_ladder(ladder: "Ladder") -> None:
    from ml.tasks.discovery.printing import print_ladder  # noqa: PLC0415

    print_ladder(ladder)


def _report(run: "Run") -> "Part":
    from ml.tasks.discovery.report import report  # noqa: PLC0415

    return report(run)


DISCOVERY = Task(
    name=NAME,
    reads=READS,
    writes=("recommendations.parquet",),
    train=_train,
    evaluate=_evaluate,
    predict=_predict,
    print_ladder=_print_ladder,
    report=_report,
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
            help="Recommend only products of this department; may be given several times.",
        ),
    ),
    published="recommendations.parquet",
)

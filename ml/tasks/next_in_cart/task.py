"""Next-in-cart as a task."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ml.tasks.next_in_cart import NAME, READS
from ml.tasks.task import Task

if TYPE_CHECKING:
    from ml.judging.ladder import Ladder
    from ml.report.page import Part
    from ml.runs.run import Run


def _train(data: Path, run: Path) -> "Ladder":
    from ml.tasks.next_in_cart.train import train  # noqa: PLC0415

    return train(data, run)


def _evaluate(data: Path, run: Path) -> "Ladder":
    from ml.tasks.next_in_cart.evaluate import evaluate  # noqa: PLC0415

    return evaluate(data, run)


def _predict(run: Path, data: Path, out: Path, **options: Any) -> None:  # noqa: ANN401
    from ml.tasks.next_in_cart.predict import predict  # noqa: PLC0415

    predict(run, data, out, **options)


def _print_ladder(ladder: "Ladder") -> None:
    from ml.tasks.next_in_cart.printing import print_ladder  # noqa: PLC0415

    print_ladder(ladder)


def _report(run: "Run") -> "Part":
    from ml.tasks.next_in_cart.report import report  # noqa: PLC0415

    return report(run)


def _stand_in_options(data: Path, folder: Path) -> dict[str, str]:
    from ml.tasks.next_in_cart.empty_carts import write_empty_carts  # noqa: PLC0415

    return {"--carts": str(write_empty_carts(data, folder / "carts.csv"))}


NEXT_IN_CART = Task(
    name=NAME,
    reads=READS,
    writes=("next.parquet",),
    train=_train,
    evaluate=_evaluate,
    predict=_predict,
    print_ladder=_print_ladder,
    report=_report,
    predict_options=(
        click.Option(
            ["--carts"], type=click.Path(path_type=Path), help="Carts as CSV, to be answered."
        ),
        click.Option(
            ["--only"],
            type=click.Choice(["all", "new"]),
            default="all",
            show_default=True,
            help="new leaves out what the shopper bought before.",
        ),
    ),
    stand_in_options=_stand_in_options,
)

"""Buy-again as a task."""

from pathlib import Path
from typing import Any

import click

from ml.tasks.buy_again import NAME, READS
from ml.tasks.task import Functions, Gate, Task

_PATH = click.Path(path_type=Path)


def _load() -> Functions:
    from ml.tasks.buy_again.evaluate import evaluate  # noqa: PLC0415
    from ml.tasks.buy_again.predict import predict  # noqa: PLC0415
    from ml.tasks.buy_again.printing import print_ladder  # noqa: PLC0415
    from ml.tasks.buy_again.report import report  # noqa: PLC0415
    from ml.tasks.buy_again.train import train  # noqa: PLC0415

    return Functions(train, evaluate, predict, print_ladder, report)


def _load_gate() -> Gate:
    from ml.tasks.buy_again.gate import compare_with_live, figures_of  # noqa: PLC0415

    return Gate(figures_of, compare_with_live)


def _tune(data: Path, out: Path, minutes: float) -> None:
    from ml.tasks.buy_again.tune import tune  # noqa: PLC0415

    tune(data, out, minutes)


def _read_parameters(_context: click.Context, _option: click.Parameter, path: Path | None) -> Any:  # noqa: ANN401
    from ml.fitting.parameter_files import read_parameters  # noqa: PLC0415

    return path and read_parameters(path)


def _read_memory(_context: click.Context, _option: click.Parameter, text: str) -> int:
    from ml.fitting.memory import parse_memory  # noqa: PLC0415

    return parse_memory(text)


def _read_decision(_context: click.Context, _option: click.Parameter, text: str) -> Any:  # noqa: ANN401
    from ml.tasks.buy_again.decision import parse_decision  # noqa: PLC0415

    return parse_decision(text)


BUY_AGAIN = Task(
    name=NAME,
    reads=READS,
    writes=("scores.parquet", "baskets.csv", "submission.csv", "cold_start.parquet"),
    load=_load,
    load_gate=_load_gate,
    train_options=(
        click.Option(
            ["--parameters"],
            type=_PATH,
            callback=_read_parameters,
            help="What `tune` wrote.  [default: what suits the size of the data]",
        ),
        click.Option(
            ["--memory"],
            default="4GB",
            show_default=True,
            callback=_read_memory,
            help="How much the training may hold; more windows than fit are left out, the oldest"
            " first.",
        ),
    ),
    predict_options=(
        click.Option(
            ["--context"],
            type=click.Choice(["order-start", "pre-order"]),
            help="Which model.  [default: order-start; pre-order in live mode]",
        ),
        click.Option(
            ["--decision"],
            default="expected-f1",
            show_default=True,
            callback=_read_decision,
            help="How the baskets of baskets.csv are chosen: expected-f1, top-10, threshold-0.21,"
            " precision-0.5. submission.csv is always decided by expected F1, in Kaggle's form.",
        ),
    ),
    published="scores.parquet",
    tune=_tune,
)

"""Next-in-cart as a task."""

from functools import partial
from pathlib import Path

import click

from ml.tasks.next_in_cart import FILE, NAME, READS
from ml.tasks.task import Functions, Gate, Task


def _load() -> Functions:
    from ml.tasks.next_in_cart.evaluate import evaluate  # noqa: PLC0415
    from ml.tasks.next_in_cart.predict import predict  # noqa: PLC0415
    from ml.tasks.next_in_cart.printing import print_ladder  # noqa: PLC0415
    from ml.tasks.next_in_cart.report import report  # noqa: PLC0415
    from ml.tasks.next_in_cart.train import train  # noqa: PLC0415

    return Functions(train, evaluate, predict, print_ladder, report)


def _load_gate() -> Gate:
    from ml.tasks.next_in_cart.gate import MEASURE, compare_with_live  # noqa: PLC0415
    from ml.tasks.ranking_gate import ranking_figures  # noqa: PLC0415

    return Gate(partial(ranking_figures, measure=MEASURE), compare_with_live)


NEXT_IN_CART = Task(
    name=NAME,
    reads=READS,
    writes=(FILE,),
    load=_load,
    load_gate=_load_gate,
    predict_options=(
        click.Option(
            ["--carts"],
            type=click.Path(path_type=Path),
            help="Carts as CSV, to be answered.  [default: an empty one for every shopper]",
        ),
        click.Option(
            ["--only"],
            type=click.Choice(["all", "new"]),
            default="all",
            show_default=True,
            help="new leaves out what the shopper bought before.",
        ),
        click.Option(
            ["--new-places"],
            type=click.IntRange(0, 10),
            default=0,
            show_default=True,
            help="Places of the first ten kept for products which the shopper never bought, where"
            " they have half the chance of what leaves: `ml evaluate` says what they cost.",
        ),
    ),
    published=FILE,
)

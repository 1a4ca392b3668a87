"""Next-in-cart as a task."""

from pathlib import Path

import click

from ml.tasks.next_in_cart import FILE, NAME, READS
from ml.tasks.task import Functions, Task


def _load() -> Functions:
    from ml.tasks.next_in_cart.evaluate import evaluate  # noqa: PLC0415
    from ml.tasks.next_in_cart.predict import predict  # noqa: PLC0415
    from ml.tasks.next_in_cart.printing import print_ladder  # noqa: PLC0415
    from ml.tasks.next_in_cart.report import report  # noqa: PLC0415
    from ml.tasks.next_in_cart.train import train  # noqa: PLC0415

    return Functions(train, evaluate, predict, print_ladder, report)


NEXT_IN_CART = Task(
    name=NAME,
    reads=READS,
    writes=(FILE,),
    load=_load,
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
    ),
    published=FILE,
)

"""What to build of a shop: which orders to predict, and how many per shopper to learn from."""

from pathlib import Path

import click
import polars as pl

from ml.tools.progress import say

MOST_WINDOWS = 11
"""Beyond this number a window adds nothing that could be measured on a thousand shoppers."""

ENOUGH_ORDERS = 20_000
"""Target orders that windows are added up to."""

FEWEST_TRAIN_ORDERS = 5
"""With fewer the newest window cannot be judged: every fold needs a shopper."""


def windows_needed(raw: Path, mode: str = "benchmark") -> int:
    """
    Choose the number of windows by the number of shoppers in orders.csv (or orders.csv.gz).

    With few shoppers older orders are needed as examples; with very many they add next to nothing
    and cost time. At least 2 in live mode and with less than FEWEST_TRAIN_ORDERS train orders:
    labels then come from the window before the newest. A file that is missing or cannot be read
    counts as one of very many shoppers: `dbt build` says what is wrong.
    """
    orders = _orders(raw)
    if orders is None:
        return 2 if mode == "live" else 1
    has_labels = (orders["eval_set"] == "train").sum() >= FEWEST_TRAIN_ORDERS
    least = 1 if has_labels and mode == "benchmark" else 2
    shoppers = max(orders["user_id"].n_unique(), 1)
    return min(max(ENOUGH_ORDERS // shoppers, least), MOST_WINDOWS)


def mode_needed(raw: Path) -> str:
    """Choose `live` where no order in orders.csv is marked train or test, else `benchmark`."""
    orders = _orders(raw)
    if orders is None or orders.is_empty() or not (orders["eval_set"] == "prior").all():
        return "benchmark"
    return "live"


def _orders(raw: Path) -> pl.DataFrame | None:
    found = [path for path in (raw / "orders.csv", raw / "orders.csv.gz") if path.is_file()]
    try:
        return pl.read_csv(
            found[0], columns=["user_id", "eval_set"], infer_schema=False, glob=False
        )
    except (IndexError, OSError, pl.exceptions.PolarsError):
        return None


raw_option = click.option(
    "--raw", required=True, type=click.Path(path_type=Path), help="Folder of raw files."
)


@click.command()
@raw_option
def mode(raw: Path) -> None:
    """Print which mode to build: live if no order is marked as the one to predict."""
    needed = mode_needed(raw)
    if needed == "live":
        say(
            "no order is marked train or test: mode live predicts the order that every shopper is"
            " still to make"
        )
    click.echo(needed)


@click.command()
@raw_option
@click.option(
    "--mode",
    type=click.Choice(["benchmark", "live"]),
    default="benchmark",
    show_default=True,
    help="What is built: in live mode labels come from older orders.",
)
def windows(raw: Path, mode: str) -> None:
    """Print how many windows to build: many for few shoppers, one for very many."""
    click.echo(windows_needed(raw, mode))

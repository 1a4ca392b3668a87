"""How many target orders per shopper to build, so that a model has enough to learn from."""

from pathlib import Path

import click
import polars as pl

MOST_WINDOWS = 11
"""Beyond this number a window adds nothing that could be measured on a thousand shoppers."""

ENOUGH_ORDERS = 20_000
"""Target orders that windows are added up to."""

FEWEST_TRAIN_ORDERS = 5
"""With fewer the newest window cannot be judged: every fold needs a shopper."""


def windows_needed(raw: Path) -> int:
    """
    Choose the number of windows by the number of shoppers in orders.csv (or orders.csv.gz).

    With few shoppers older orders are needed as examples; with very many they add next to nothing
    and cost time. At least 2 with less than FEWEST_TRAIN_ORDERS train orders: labels then come from
    the window before the newest. A file that is missing or cannot be read gives 1: `dbt build` says
    what is wrong.
    """
    found = [path for path in (raw / "orders.csv", raw / "orders.csv.gz") if path.is_file()]
    try:
        orders = pl.read_csv(
            found[0], columns=["user_id", "eval_set"], infer_schema=False, glob=False
        )
    except (IndexError, OSError, pl.exceptions.PolarsError):
        return 1
    least = 1 if (orders["eval_set"] == "train").sum() >= FEWEST_TRAIN_ORDERS else 2
    shoppers = max(orders["user_id"].n_unique(), 1)
    return min(max(ENOUGH_ORDERS // shoppers, least), MOST_WINDOWS)


@click.command()
@click.option("--raw", required=True, type=click.Path(path_type=Path), help="Folder of raw files.")
def windows(raw: Path) -> None:
    """Print how many windows to build: many for few shoppers, one for very many."""
    click.echo(windows_needed(raw))

"""How many target orders per shopper the raw data needs so that a model has something to learn."""

from pathlib import Path

import click
import polars as pl


def windows_needed(raw: Path) -> int:
    """
    Give 1 if any order of orders.csv (or orders.csv.gz) is a train order, else 2.

    A train order is a label in the newest window. Without one, labels come from the window before.
    A file that is missing or cannot be read gives 1: `dbt build` says what is wrong with it.
    """
    found = [path for path in (raw / "orders.csv", raw / "orders.csv.gz") if path.is_file()]
    try:
        sets = pl.read_csv(found[0], columns=["eval_set"], infer_schema=False)["eval_set"]
    except (IndexError, pl.exceptions.PolarsError):
        return 1
    return 1 if (sets == "train").any() else 2


@click.command()
@click.option("--raw", required=True, type=click.Path(path_type=Path), help="Folder of raw files.")
def windows(raw: Path) -> None:
    """Print how many windows to build: 1 with a train order, else 2."""
    click.echo(windows_needed(raw))

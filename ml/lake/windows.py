"""What to build of a shop: which orders to predict, and how many per shopper to learn from."""

from pathlib import Path

import click
import polars as pl
import yaml

from ml.tools.paths import ROOT
from ml.tools.progress import say

MOST_WINDOWS = 11
"""Beyond this number a window adds nothing that could be measured on a thousand shoppers."""

ENOUGH_ORDERS = 20_000
"""Target orders that windows are added up to."""

FEWEST_TRAIN_ORDERS = 5
"""With fewer the newest window cannot be judged: every fold needs a shopper."""


MOST_ROWS = 2_000_000
"""Rows of data.csv, pairs of shopper and product, that windows are added up to."""

FEW_SHOPPERS = 10_000
"""With so many there are enough orders in two windows, and their rows need no counting."""


def shape_of(raw: Path) -> str:
    """Tell the shape of the raw files in a folder: `order_lines`, or else `instacart`."""
    return "order_lines" if (raw / "order_lines").is_dir() else "instacart"


def windows_needed(raw: Path, mode: str = "benchmark") -> int:
    """
    Choose the number of windows by the number of shoppers, and of their products.

    With few shoppers older orders are needed as examples; with very many they add next to nothing
    and cost time, and so they do if each shopper buys hundreds of products. At least 2 in live mode
    and with less than FEWEST_TRAIN_ORDERS train orders: labels then come from the window before the
    newest. Files that are missing or cannot be read count as of very many shoppers: `dbt build`
    says what is wrong.
    """
    orders = _orders(raw)
    if orders is None:
        return 2 if mode == "live" else 1
    has_labels = (orders["eval_set"] == "train").sum() >= FEWEST_TRAIN_ORDERS
    least = 1 if has_labels and mode == "benchmark" else 2
    shoppers = max(orders["user_id"].n_unique(), 1)
    most = min(ENOUGH_ORDERS // shoppers, MOST_WINDOWS)
    if most > least and shoppers < FEW_SHOPPERS:
        most = min(most, MOST_ROWS // max(_pairs(raw), 1))
    return max(most, least)


def mode_needed(raw: Path) -> str:
    """Choose `live` for order lines, and where no order is marked train or test."""
    if shape_of(raw) == "order_lines":
        return "live"
    orders = _orders(raw)
    if orders is None or orders.is_empty() or not (orders["eval_set"] == "prior").all():
        return "benchmark"
    return "live"


def _orders(raw: Path) -> pl.DataFrame | None:
    """Read user_id and eval_set of every order, or of every line of an order."""
    try:
        if shape_of(raw) == "order_lines":
            lines = _order_lines(raw).select("user_id").drop_nulls().collect()
            return lines.with_columns(eval_set=pl.lit("prior"))
        return _scan_raw(raw, "orders").select("user_id", "eval_set").collect()
    except (IndexError, OSError, pl.exceptions.PolarsError):
        return None


def _pairs(raw: Path) -> int:
    """Count pairs of a shopper and a product that they bought; 0 if it cannot be read."""
    try:
        if shape_of(raw) == "order_lines":
            lines = _order_lines(raw).drop_nulls()
        else:
            lines = _scan_raw(raw, "order_products__prior").join(
                _scan_raw(raw, "orders"), on="order_id"
            )
        pairs = lines.select(pl.struct("user_id", "product_id").n_unique())
        return int(pairs.collect(engine="streaming").item())
    except (IndexError, OSError, pl.exceptions.PolarsError):
        return 0


def _scan_raw(raw: Path, table: str) -> pl.LazyFrame:
    found = [path for path in (raw / f"{table}.csv", raw / f"{table}.csv.gz") if path.is_file()]
    return pl.scan_csv(found[0], infer_schema=False, glob=False)


def _order_lines(raw: Path) -> pl.LazyFrame:
    """Scan shopper and product of the lines of all loads, by the project's names of columns."""
    project = yaml.safe_load((ROOT / "dbt_project.yml").read_text(encoding="utf-8"))
    theirs = project["vars"]["order_lines_columns"]
    names = {name: theirs.get(name, name) for name in ("user_id", "product_id")}
    frames = []
    for path in sorted((raw / "order_lines").glob("load_date=*/[!._]*")):
        is_parquet = path.suffix == ".parquet"
        scan = (
            pl.scan_parquet(path, glob=False, hive_partitioning=False)
            if is_parquet
            else pl.scan_csv(path, infer_schema=False, glob=False, truncate_ragged_lines=True)
        )
        frames.append(
            scan.select(pl.col(name).cast(pl.String).alias(our) for our, name in names.items())
        )
    if not frames:
        raise FileNotFoundError(raw / "order_lines")
    return pl.concat(frames)


raw_option = click.option(
    "--raw", required=True, type=click.Path(path_type=Path), help="Folder of raw files."
)


@click.command()
@raw_option
def shape(raw: Path) -> None:
    """Print the shape of the raw files: order_lines, or instacart."""
    click.echo(shape_of(raw))


@click.command()
@raw_option
def mode(raw: Path) -> None:
    """Print which mode to build: live if no order is marked as the one to predict."""
    needed = mode_needed(raw)
    if needed == "live" and shape_of(raw) == "instacart":
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

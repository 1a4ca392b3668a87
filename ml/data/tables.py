"""The files of an exported folder: Parquet tables named after their dbt models, and data.csv."""

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import click
import polars as pl

CANDIDATES = "candidates"
"""The one table that is exported as text: as data.csv."""

COLUMNS = {
    "baskets": (
        "user_id",
        "order_number",
        "order_id",
        "product_id",
        "add_to_cart_order",
        "reordered",
        "ordered_at",
    ),
    "target_orders": ("user_id", "order_id", "order_number", "eval_set", "orders_back"),
    "products": (
        "product_id",
        "product_name",
        "aisle_id",
        "aisle_name",
        "department_id",
        "department_name",
        "product_code",
    ),
    "shoppers": ("user_id", "user_code", "last_ordered_at", "days_since_last_order"),
    "discovery_users": (
        "user_id",
        "is_sampled",
        "user_orders",
        "user_total_products",
        "user_organic_ratio",
        "orders_back",
    ),
    "user_aisle_ranks": (
        "user_id",
        "aisle_id",
        "aisle_lines",
        "aisle_products",
        "aisle_last_order",
        "aisle_place",
        "orders_back",
    ),
    "product_ranks": (
        "product_id",
        "aisle_id",
        "department_id",
        "prod_orders",
        "prod_reorders",
        "prod_first_orders",
        "prod_second_orders",
        "popularity_rank",
        "aisle_rank",
        "prod_buyer_share",
        "prod_is_organic",
        "orders_back",
    ),
    "discovery_candidates": (
        "user_id",
        "product_id",
        "together_rank",
        "together_score",
        "together_products",
        "together_with_product_id",
        "orders_back",
    ),
    "product_neighbours": (
        "product_id",
        "neighbour_id",
        "neighbour_rank",
        "shrunk_cosine",
        "confidence",
        "orders_back",
    ),
}
"""Of each exported table the columns that this package reads."""


def table_file(data: Path, name: str) -> Path:
    """Give the file of an exported table, of which `data` is the data.csv."""
    return data if name == CANDIDATES else data.with_name(f"{name}.parquet")


def scan_table(data: Path, name: str) -> pl.LazyFrame:
    """
    Scan a table that the export wrote beside data.csv.

    Parameters
    ----------
    data
        Path of data.csv.
    name
        Name of the table, one of COLUMNS.

    Raises
    ------
    click.ClickException
        If there is no such file, it cannot be read, or it lacks a column.

    """
    path = table_file(data, name)
    _check_there(path)
    try:
        frame = pl.scan_parquet(path, glob=False)
        there = frame.collect_schema().names()
    except pl.exceptions.PolarsError as error:
        raise click.ClickException(f"{path} is not a Parquet file ({error}).") from None
    for column in COLUMNS[name]:
        if column not in there:
            raise click.ClickException(f"{path} lacks the column {column}: export again.")
    return frame.select(COLUMNS[name])


def fingerprint(data: Path, names: Sequence[str]) -> str:
    """
    Give one sha256 that stands for the bytes of some tables.

    Parameters
    ----------
    data
        Path of data.csv.
    names
        Names of the tables, in any order.

    Raises
    ------
    click.ClickException
        If a file is missing.

    """
    parts = []
    for name in sorted(names):
        path = table_file(data, name)
        _check_there(path)
        status = path.stat()
        parts.append(f"{name} {_digest(path, status.st_size, status.st_mtime_ns)}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@cache
def _digest(path: Path, _size: int, _modified: int) -> str:
    """Give the sha256 of a file; of one that did not change since, without reading it again."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_there(path: Path) -> None:
    if not path.is_file():
        raise click.ClickException(f"{path} is missing: write it with `python -m ml export`.")

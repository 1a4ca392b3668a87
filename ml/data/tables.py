"""The Parquet tables beside data.csv."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import numpy as np
import polars as pl

from ml.data.arrays import Integers

SHOPPERS_AT_ONCE = 25_000
"""Shoppers whose order lines are read at a time: about 4 million lines."""


def scan_table(data: Path, name: str, columns: Sequence[str]) -> pl.LazyFrame:
    """
    Scan a table that the export wrote beside data.csv.

    Parameters
    ----------
    data
        Path of data.csv.
    name
        Name of the file without `.parquet`.
    columns
        Columns to read.

    Raises
    ------
    click.ClickException
        If there is no such file, it cannot be read, or it lacks a column.

    """
    path = data.with_name(f"{name}.parquet")
    if not path.is_file():
        raise click.ClickException(f"{path} is missing: write it with `python -m ml export`.")
    try:
        frame = pl.scan_parquet(path)
        there = frame.collect_schema().names()
    except pl.exceptions.PolarsError as error:
        raise click.ClickException(f"{path} is not a Parquet file ({error}).") from None
    for column in columns:
        if column not in there:
            raise click.ClickException(f"{path} lacks the column {column}: export again.")
    return frame.select(columns)


def fingerprint(data: Path, names: Sequence[str]) -> str:
    """
    Give one sha256 of the bytes of some tables, in this order.

    Parameters
    ----------
    data
        Path of data.csv.
    names
        Names of the files without `.parquet`; they are all there.

    """
    parts = [file_fingerprint(data.with_name(f"{name}.parquet")) for name in names]
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()


def file_fingerprint(path: Path) -> str:
    """Give the sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def shopper_parts(users: Integers) -> Iterator[tuple[Integers, pl.Expr]]:
    """
    Split shoppers, int64 [m], rising, into parts whose order lines fit into memory.

    Yields
    ------
    int64 array
        Some of the shoppers.
    polars.Expr
        That a row's user_id lies in their range; in a sorted table it skips the others unread.

    """
    for some in np.array_split(users, -(-len(users) // SHOPPERS_AT_ONCE) or 1):
        if len(some):
            yield some, pl.col("user_id").is_between(some[0], some[-1])

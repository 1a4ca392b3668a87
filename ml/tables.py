"""The Parquet tables beside data.csv."""

from collections.abc import Sequence
from pathlib import Path

import click
import polars as pl


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

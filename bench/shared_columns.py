"""Compare two data.csv in the columns that both have."""

from collections.abc import Iterator
from pathlib import Path

import click
import pyarrow as pa
from pyarrow import csv

BLOCK_BYTES = 1 << 25


def check_shared_columns(ours: Path, theirs: Path) -> int:
    """
    Compare the text of every cell, row by row, in the columns that stand in both headers.

    Both files are read in blocks, so memory does not grow with them.

    Returns
    -------
    int
        How many columns were compared.

    Raises
    ------
    click.ClickException
        If the files share no column, differ in a cell (naming the column) or in their rows.

    """
    headers = [_header(path) for path in (ours, theirs)]
    shared = [name for name in headers[0] if name in headers[1]]
    if not shared:
        raise click.ClickException(f"{ours} and {theirs} have no column in common.")
    readers = [_blocks(ours, headers[0], shared), _blocks(theirs, headers[1], shared)]
    left, right = (next(reader, None) for reader in readers)
    first_row = 0
    while left is not None and right is not None:
        rows = min(left.num_rows, right.num_rows)
        for name in shared:
            if not left[name].slice(0, rows).equals(right[name].slice(0, rows)):
                raise click.ClickException(
                    f"{ours} and {theirs} differ in {name}, somewhere in the {rows} rows after"
                    f" row {first_row}: the times mean nothing."
                )
        first_row += rows
        left = left.slice(rows) if rows < left.num_rows else next(readers[0], None)
        right = right.slice(rows) if rows < right.num_rows else next(readers[1], None)
    if left is not None or right is not None:
        longer = ours if right is None else theirs
        raise click.ClickException(
            f"{longer} has rows after row {first_row} that the other file lacks: the times mean"
            " nothing."
        )
    return len(shared)


def _header(path: Path) -> list[str]:
    with path.open(encoding="utf-8") as file:
        return file.readline().rstrip("\n").split(",")


def _blocks(path: Path, names: list[str], shared: list[str]) -> Iterator[pa.RecordBatch]:
    """Read the shared columns block by block, every cell as the text that it is."""
    yield from csv.open_csv(
        path,
        read_options=csv.ReadOptions(block_size=BLOCK_BYTES),
        convert_options=csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            include_columns=shared,
            strings_can_be_null=False,
        ),
    )

"""Compare two tables cell by cell, or two files byte by byte, exactly."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

import duckdb

EXAMPLES = 3  # differences of a column that are shown
_ABSENT = "no such row"
_IS_LONE = "mine.occurrence is null or theirs.occurrence is null"


@dataclass(frozen=True)
class Difference:
    """One thing that differs: where it is (key and column), and what each target has there."""

    model: str
    key: str
    column: str
    local: str
    athena: str


@dataclass(frozen=True)
class Compared:
    """
    What the comparison of one model found.

    Attributes
    ----------
    rows
        Rows on the local target.
    cells
        Cells that were compared.
    size
        Bytes that were compared instead of cells.
    types
        Columns that are missing on a target, stand elsewhere or have another type.
    differing
        Cells that differ; a row that only one target has differs in every cell.
    differences
        Examples of them.

    """

    model: str
    rows: int
    cells: int = 0
    size: int = 0
    types: int = 0
    differing: int = 0
    differences: list[Difference] = field(default_factory=list)


def compare_tables(
    connection: duckdb.DuckDBPyConnection, model: str, local: str, athena: str, key: Sequence[str]
) -> Compared:
    """
    Compare two tables: columns and their order, types, row counts, and every cell.

    Doubles are equal if all their bits are; null equals null. Rows are matched by the key; rows of
    the same key, in the order of their other columns.

    Parameters
    ----------
    connection
        Connection in which both can be queried.
    model
        Name to report.
    local, athena
        What stands after `from`.
    key
        Columns that tell rows apart; empty for the ids and orders_back, or all if there are none.

    """
    columns = _columns(connection, local)
    other_columns = _columns(connection, athena)
    rows = int(_rows(connection, f"select count(*) from {local}")[0][0])
    if columns != other_columns:
        differences = [
            Difference(model, "all rows", f"column {place}", _described(mine), _described(theirs))
            for place, (mine, theirs) in enumerate(zip_longest(columns, other_columns), start=1)
            if mine != theirs
        ]
        return Compared(model, rows, types=len(differences), differences=differences)
    names = [name for name, _ in columns]
    ids = [name for name in names if name.endswith("_id") or name == "orders_back"]
    key = list(key) or ids or names
    joined = _joined(local, athena, names, key)
    counts = _rows(
        connection,
        f"select {', '.join(f'count(*) filter ({_differs(*column)})' for column in columns)}"
        f" from ({joined})",
    )[0]
    differences = [
        difference
        for column, count in zip(columns, counts, strict=True)
        if count
        for difference in _examples(connection, model, joined, key, column)
    ]
    return Compared(
        model, rows, rows * len(columns), differing=sum(counts), differences=differences
    )


def compare_bytes(local: Path, athena: Path) -> Compared:
    """Compare two CSV files byte by byte; the first cell that differs is named."""
    size = local.stat().st_size
    rows = -1  # the header is none
    with local.open("rb") as mine, athena.open("rb") as theirs:
        for rows, (line, other) in enumerate(zip_longest(mine, theirs)):
            if line != other:
                first = _first_cell(local, rows + 1, line, other)
                return Compared(local.name, rows, size=size, differing=1, differences=[first])
    return Compared(local.name, rows, size=size)


def _columns(connection: duckdb.DuckDBPyConnection, table: str) -> list[tuple[str, str]]:
    return [(row[0], row[1].lower()) for row in _rows(connection, f"describe from {table}")]


def _joined(local: str, athena: str, names: list[str], key: list[str]) -> str:
    """Give the query that puts rows of the same key side by side, as structs."""

    def numbered(table: str) -> str:
        cells = ", ".join(f'"{name}"' for name in names)
        return (
            f"select {cells}, row_number() over (partition by {', '.join(key)} order by {cells})"
            f" as occurrence from {table}"
        )

    matched = " and ".join(f"mine.{name} is not distinct from theirs.{name}" for name in key)
    return (
        f"select mine, theirs from ({numbered(local)}) as mine"
        f" full join ({numbered(athena)}) as theirs"
        f" on {matched} and mine.occurrence = theirs.occurrence"
    )


def _differs(name: str, kind: str) -> str:
    condition = f"(mine.{name} is distinct from theirs.{name} or {_IS_LONE}"
    if kind in {"float", "double"}:  # the two zeros are equal as numbers, but not as bits
        condition += f" or signbit(mine.{name}) is distinct from signbit(theirs.{name})"
    return f"where {condition})"


def _examples(
    connection: duckdb.DuckDBPyConnection,
    model: str,
    joined: str,
    key: list[str],
    column: tuple[str, str],
) -> list[Difference]:
    keys = ", ".join(f"coalesce(mine.{name}, theirs.{name})" for name in key)
    found = _rows(
        connection,
        "select mine.occurrence is null, theirs.occurrence is null,"
        f" mine.{column[0]}, theirs.{column[0]}, {keys}"
        f" from ({joined}) {_differs(*column)} order by {keys} limit {EXAMPLES}",
    )
    return [
        Difference(
            model,
            ", ".join(f"{name} {value}" for name, value in zip(key, values, strict=True)),
            column[0],
            _ABSENT if mine_absent else _shown(mine),
            _ABSENT if theirs_absent else _shown(theirs),
        )
        for mine_absent, theirs_absent, mine, theirs, *values in found
    ]


def _first_cell(path: Path, number: int, line: bytes | None, other: bytes | None) -> Difference:
    with path.open(encoding="utf-8", newline="") as lines:
        header = next(csv.reader(lines))
    cells, others = (
        next(csv.reader([text.decode(errors="replace")]), []) if text is not None else None
        for text in (line, other)
    )
    if cells is None or others is None or len(cells) != len(others):
        return Difference(path.name, f"line {number}", "line", str(line), str(other))
    # lines that differ in bytes alone, as in quoting, have equal cells
    pairs = zip(header, cells, others, strict=True)
    name, mine, theirs = next(
        (pair for pair in pairs if pair[1] != pair[2]), ("line", str(line), str(other))
    )
    ids = dict(zip(header, cells, strict=True))
    key = ", ".join(f"{k} {ids[k]}" for k in ("orders_back", "user_id", "product_id") if k in ids)
    return Difference(path.name, f"line {number}: {key}", name, mine, theirs)


def _described(column: tuple[str, str] | None) -> str:
    return f"{column[0]} {column[1]}" if column else "no such column"


def _shown(value: Any) -> str:  # noqa: ANN401
    return "null" if value is None else str(value)


def _rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    return connection.execute(query).fetchall()

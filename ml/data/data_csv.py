"""Reads data.csv strictly as its contract has it: each row a product a shopper may buy again."""

import csv
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import click
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from ml.data.arrays import Booleans, Floats, Integers
from ml.data.categories import CATEGORIES, CODE, CategoryCodes
from ml.data.contract import KEYS, LABEL, Contract, check_header
from ml.data.feature_file import FLOAT, Features, write_features
from ml.tools.machine import cores
from ml.tools.prefetch import ahead

Rows = Literal["labelled", "to predict", "newest"]
"""Rows with a label; those of orders_back 0 without one; all of orders_back 0."""


@dataclass(frozen=True)
class Wanted:
    """Which rows to keep, and of which shoppers (int64; None for all of them)."""

    rows: Rows
    users: Integers | None = None


_ARROW_TYPES = {
    "bigint": pa.int64(),
    "integer": pa.int32(),
    "double": FLOAT,
    "real": FLOAT,
    "varchar": pa.string(),
    "boolean": pa.bool_(),
}
_KEY_SCHEMA = pa.schema([*((name, pa.int64()) for name in KEYS), (LABEL, pa.float64())])
# the smallest values that counts and numbers of orders can have
_LEAST = {
    "user_orders": 1,
    "user_total_products": 1,
    "user_distinct_products": 1,
    "up_orders": 1,
    "up_first_order": 1,
    "up_last_order": 1,
    "prod_orders": 1,
    "prod_reorders": 0,
    "prod_first_orders": 1,
    "prod_second_orders": 0,
}
_BLOCK_BYTES = 1 << 24
# each holds a block
_MOST_THREADS = 4
_FEATURES = "features.parquet"


@dataclass(frozen=True)
class Candidates:
    """
    Rows of data.csv.

    Attributes
    ----------
    user_id, product_id, orders_back
        int64 [n], sorted by orders_back, user_id, product_id.
    label
        float64 [n]: 1 bought again, 0 not, NaN not known.
    features
        The feature columns of these rows, ids of categories as codes; None if they were not asked
        for.
    categories
        The ids of each category in the order of their codes.

    """

    user_id: Integers
    product_id: Integers
    orders_back: Integers
    label: Floats
    features: Features | None
    categories: dict[str, list[int]] = field(default_factory=dict)

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.user_id)

    def keys(self) -> pl.DataFrame:
        """Give user_id, orders_back and product_id of each row."""
        return pl.DataFrame(
            {
                "user_id": self.user_id,
                "orders_back": self.orders_back,
                "product_id": self.product_id,
            }
        )

    def where(self, mask: Booleans) -> "Candidates":
        """Keep the rows for which `mask` (bool [n]) is true."""
        return Candidates(
            self.user_id[mask],
            self.product_id[mask],
            self.orders_back[mask],
            self.label[mask],
            self.features and self.features.where(mask),
            self.categories,
        )

    def columns(self) -> Features:
        """
        Give the feature columns.

        Raises
        ------
        ValueError
            If the rows were read without them.

        """
        if self.features is None:
            raise ValueError("these rows were read without their features")
        return self.features


def read_candidates(  # noqa: PLR0913, PLR0917 - what to read, and how
    path: Path,
    contract: Contract,
    features: list[str],
    wanted: Wanted,
    scratch: Path | None,
    categories: Mapping[str, list[int]] | None = None,
) -> tuple[Candidates, pl.DataFrame]:
    """
    Read data.csv in blocks; write the features of the rows that are asked for to a file aside.

    Parameters
    ----------
    path
        Path of data.csv.
    contract
        Its columns in order. Every column is read with its type, also those not kept.
    features
        Names of the feature columns to keep.
    wanted
        Rows to keep.
    scratch
        Folder for the file of features; None keeps no features.
    categories
        Ids of categories in the order of their codes, from a run; None numbers those that are met.

    Returns
    -------
    Candidates
        The rows asked for.
    polars.DataFrame
        One row per order to predict that has candidates, whatever was asked for: user_id,
        orders_back, rows, labels (rows with a label), positives (rows with label 1).

    Raises
    ------
    click.ClickException
        One sentence naming the file and, where there is one, the column, if the file is empty or
        cut off, a column is missing, extra, out of place or of another type, a key is null,
        twice there or out of order, or a label is not 1, 0 or empty.

    """
    _check_whole(path)
    with path.open(encoding="utf-8", newline="") as file:
        check_header(contract, next(csv.reader(file), []), path)
    keys: list[pa.RecordBatch] = []
    codes = CategoryCodes(categories)
    with ExitStack() as stack:
        schema = _feature_schema(contract, features)
        store = (
            stack.enter_context(write_features(scratch / _FEATURES, schema)) if scratch else None
        )
        for block in _blocks(path, contract):
            _check_values(path, block, contract)
            keys.append(block.select(_KEY_SCHEMA.names).cast(_KEY_SCHEMA))
            if store:
                kept = block.filter(_is_wanted(block, wanted)).select(features)
                store.add(codes.coded(kept).cast(schema))
    table = pa.Table.from_batches(keys, schema=_KEY_SCHEMA)
    _check_keys(path, table)
    kept_keys = table.filter(_is_wanted(table, wanted))
    user_id, product_id, orders_back, label = (column.to_numpy() for column in kept_keys.columns)
    columns = Features(scratch / _FEATURES, features) if scratch else None
    rows = Candidates(user_id, product_id, orders_back, label, columns, codes.ids)
    return rows, _counts(table)


def _feature_schema(contract: Contract, features: list[str]) -> pa.Schema:
    types = {column.name: _ARROW_TYPES[column.type] for column in contract.columns}
    types |= dict.fromkeys(CATEGORIES, CODE)
    # LightGBM reads no booleans
    kinds = {name: pa.int8() if types[name] == pa.bool_() else types[name] for name in features}
    return pa.schema(list(kinds.items()))


def _check_whole(path: Path) -> None:
    with path.open("rb") as file:
        if not file.seek(0, 2):
            raise click.ClickException(f"{path} is empty: export again.")
        file.seek(-1, 2)
        if file.read(1) != b"\n":
            raise click.ClickException(f"{path} is cut off inside its last line: export again.")


def _blocks(path: Path, contract: Contract) -> Iterator[pa.RecordBatch]:
    """Read the rows some megabytes at a time, on several cores."""
    names = [column.name for column in contract.columns]
    convert = pyarrow.csv.ConvertOptions(
        column_types={column.name: _ARROW_TYPES[column.type] for column in contract.columns},
        null_values=[""],
        strings_can_be_null=True,
    )

    def parse(lines: bytes) -> pa.RecordBatch:
        # in one block, so that its table is one batch
        read = pyarrow.csv.ReadOptions(
            column_names=names, block_size=len(lines) + 1, use_threads=False
        )
        table = pyarrow.csv.read_csv(pa.BufferReader(lines), read, convert_options=convert)
        return table.combine_chunks().to_batches()[0]

    try:
        yield from ahead(parse, _lines(path), min(cores(), _MOST_THREADS))
    except pa.ArrowInvalid as error:
        place = re.search(r"In CSV column #(\d+): (.*)", str(error))
        if place is None:
            raise click.ClickException(f"{path} is damaged ({error}): export again.") from None
        column = contract.columns[int(place[1])]
        raise click.ClickException(
            f"{path}: column {column.name} is not {column.type} as contract.json says"
            f" ({place[2]}): export again."
        ) from None


def _lines(path: Path) -> Iterator[bytes]:
    """Give the lines below the header some megabytes at a time; no value holds a line break."""
    with path.open("rb") as file:
        file.readline()
        while lines := file.read(_BLOCK_BYTES):
            yield lines + file.readline()


def _check_values(path: Path, block: pa.RecordBatch, contract: Contract) -> None:
    for column in contract.columns:
        values = block.column(column.name)
        if column.type in {"double", "real"}:
            outside, what = pc.invert(pc.is_finite(values)), "no finite number"
        elif column.name in _LEAST:
            least = _LEAST[column.name]
            outside, what = pc.less(values, least), f"below {least}"
        else:
            continue
        if pc.any(outside).as_py():
            worst = values.filter(outside)[0].as_py()
            raise click.ClickException(
                f"{path}: column {column.name} holds {worst}, which is {what}: export again."
            )


def _is_wanted(rows_read: pa.RecordBatch | pa.Table, wanted: Wanted) -> pa.Array | pa.ChunkedArray:
    has_label = rows_read.column(LABEL).is_valid()
    if wanted.rows == "labelled":
        is_wanted = has_label
    else:
        is_wanted = pc.equal(rows_read.column("orders_back"), 0)
        if wanted.rows == "to predict":
            is_wanted = pc.and_not(is_wanted, has_label)
    if wanted.users is None:
        return is_wanted
    users = pa.array(wanted.users, pa.int64())
    return pc.and_(is_wanted, pc.is_in(rows_read.column("user_id").cast(pa.int64()), users))


def _check_keys(path: Path, table: pa.Table) -> None:
    for name in KEYS:
        if table.column(name).null_count:
            raise click.ClickException(f"{path}: column {name} has an empty value: export again.")
    labels = pc.unique(table.column(LABEL)).to_pylist()
    for label in labels:
        if label not in (0, 1, None):
            raise click.ClickException(
                f"{path}: column {LABEL} holds {label:g}, and only 1, 0 and empty are labels."
            )
    user, product, window = (table.column(name).to_numpy() for name in KEYS)
    rising = np.diff(product) > 0
    for outer in (user, window):
        change = np.diff(outer)
        rising = (change > 0) | ((change == 0) & rising)
    if not rising.all():
        line = int(np.argmin(rising)) + 3
        raise click.ClickException(
            f"{path}: line {line} is out of order or there twice"
            " (sorted by orders_back, user_id, product_id): export again."
        )


def _counts(table: pa.Table) -> pl.DataFrame:
    frame = pl.DataFrame(table.select(["user_id", "orders_back", LABEL]))
    return frame.group_by("user_id", "orders_back").agg(
        rows=pl.len().cast(pl.Int64),
        labels=pl.col(LABEL).count().cast(pl.Int64),
        positives=pl.col(LABEL).sum().cast(pl.Int64),
    )

"""Reads the data folder: data.csv and what lies beside it, checked to belong together."""

from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import polars as pl

from ml.data.arrays import Integers
from ml.data.contract import Contract, feature_names, read_contract
from ml.data.data_csv import Candidates, Rows, Wanted, read_candidates
from ml.data.tables import file_fingerprint, scan_table, shopper_parts

_BASKETS = ("user_id", "order_number", "order_id", "product_id", "add_to_cart_order", "reordered")
_TARGETS = (
    "user_id",
    "order_id",
    "order_number",
    "order_dow",
    "order_hour_of_day",
    "days_since_prior_order",
    "eval_set",
    "orders_back",
)


@dataclass(frozen=True)
class DataFolder:
    """
    A data folder that was read and found consistent.

    Attributes
    ----------
    path
        Path of data.csv.
    contract
        What its columns are.
    fingerprint
        sha256 of the bytes of data.csv.
    candidates
        The rows of data.csv that were asked for.
    targets
        One row per order to predict, sorted by orders_back and user_id: the columns of
        targets.parquet, `is_known` (its basket is known) and `reorders` (how many of its products
        the shopper had bought before, int64).

    """

    path: Path
    contract: Contract
    fingerprint: str
    candidates: Candidates
    targets: pl.DataFrame

    def baskets(self) -> pl.LazyFrame:
        """Scan the lines of every known order: baskets.parquet."""
        return scan_table(self.path, "baskets", _BASKETS)

    def product_names(self) -> dict[int, str]:
        """Read the names in products.parquet by product_id; none if there is no such file."""
        if not self.path.with_name("products.parquet").is_file():
            return {}
        names = scan_table(self.path, "products", ("product_id", "product_name")).collect()
        return dict(zip(names["product_id"], names["product_name"], strict=True))

    def departments(self) -> pl.LazyFrame:
        """Scan product_id and department_name of products.parquet; no rows without the file."""
        if not self.path.with_name("products.parquet").is_file():
            schema = {"product_id": pl.Int64, "department_name": pl.String}
            return pl.LazyFrame(schema=schema)
        return scan_table(self.path, "products", ("product_id", "department_name"))


def read_data(
    path: Path, rows: Rows, scratch: Path | None = None, users: Integers | None = None
) -> DataFolder:
    """
    Read data.csv and what lies beside it, and check that they belong together.

    Parameters
    ----------
    path
        Path of data.csv.
    rows
        Rows to keep.
    scratch
        Folder that takes a file with the features of these rows; without one they have none.
    users
        int64: the shoppers whose rows are kept; None keeps those of all.

    Raises
    ------
    click.ClickException
        If a file is missing or damaged, if data.csv is not what contract.json says, or if its rows
        are not those that the baskets beside it give.

    """
    if not path.is_file():
        raise click.ClickException(f"{path} is missing: write it with `python -m ml export`.")
    contract = read_contract(path)
    names = feature_names(contract, "order-start")
    wanted = Wanted(rows, users)
    candidates, counts = read_candidates(path, contract, names, wanted, scratch)
    baskets = scan_table(path, "baskets", _BASKETS)
    targets = _known(scan_table(path, "targets", _TARGETS), baskets)
    _check_agreement(path, counts, targets, baskets)
    return DataFolder(path, contract, file_fingerprint(path), candidates, targets)


def _known(targets: pl.LazyFrame, baskets: pl.LazyFrame) -> pl.DataFrame:
    """Add to each order to predict whether its basket is known, and its reorders."""
    key = ["user_id", "order_number"]
    orders = (
        baskets.join(targets, on=key, how="semi")
        .group_by(key)
        .agg(is_known=pl.lit(value=True), reorders=pl.col("reordered").cast(pl.Int64).sum())
    )
    return (
        targets.join(orders, on=key, how="left")
        .with_columns(pl.col("is_known").fill_null(value=False), pl.col("reorders").fill_null(0))
        .sort("orders_back", "user_id")
        .collect(engine="streaming")
    )


def _check_agreement(
    path: Path, counts: pl.DataFrame, targets: pl.DataFrame, baskets: pl.LazyFrame
) -> None:
    """Hold data.csv against the histories: this also finds a file cut off at a line's end."""
    users = np.union1d(targets["user_id"].to_numpy(), counts["user_id"].to_numpy())
    for _some, is_inside in shopper_parts(users):
        wrong = _disagreements(
            *(frame.lazy().filter(is_inside) for frame in (counts, targets, baskets))
        )
        if wrong.height:
            row = wrong.row(0, named=True)
            raise click.ClickException(
                f"{path} does not fit baskets.parquet and targets.parquet beside it (first at"
                f" user_id {row['user_id']}, orders_back {row['orders_back']}: {row['rows']} rows"
                f" and {row['positives']} reorders instead of {row['products']} and"
                f" {row['reorders']}): export again."
            )


def _disagreements(
    counts: pl.LazyFrame, targets: pl.LazyFrame, baskets: pl.LazyFrame
) -> pl.DataFrame:
    """Give the orders to predict whose rows are not those that the histories make, sorted."""
    key = ["user_id", "orders_back"]
    first = baskets.group_by("user_id", "product_id").agg(first=pl.col("order_number").min())
    history = (
        targets.join(first, on="user_id")
        .filter(pl.col("first") < pl.col("order_number"))
        .group_by(key)
        .agg(products=pl.len().cast(pl.Int64))
    )
    return (
        targets.select(*key, "is_known", "reorders", is_target=pl.lit(value=True))
        .join(history, on=key, how="left")
        .join(counts, on=key, how="full", coalesce=True)
        .with_columns(pl.col("products", "rows", "labels", "positives").fill_null(0))
        .filter(
            pl.col("is_target").is_null()
            | (pl.col("products") != pl.col("rows"))
            | (pl.col("labels") != pl.when("is_known").then("rows").otherwise(0))
            | (pl.col("is_known") & (pl.col("positives") != pl.col("reorders")))
        )
        .sort(key)
        .collect(engine="streaming")
    )

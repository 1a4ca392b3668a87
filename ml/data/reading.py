"""Opens an exported folder: data.csv, its contract, and the tables beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import polars as pl

from ml.data.arrays import Integers
from ml.data.contract import Contract, feature_names, read_contract
from ml.data.data_csv import Candidates, Rows, Wanted, read_candidates
from ml.data.history import history
from ml.data.tables import fingerprint, scan_table, table_file
from ml.data.users import user_parts


@dataclass(frozen=True)
class DataFolder:
    """
    An exported folder.

    Attributes
    ----------
    path
        Path of data.csv.
    contract
        What contract.json says.
    targets
        One row per order to predict, sorted by orders_back and user_id: user_id, order_id,
        order_number, orders_back, eval_set, `is_known` (its basket is known: baskets.parquet has a
        line of it) and `reorders` (how many of its products the user had bought before, int64).

    """

    path: Path
    contract: Contract
    targets: pl.DataFrame

    def table(self, name: str, orders_back: int | None = None) -> pl.LazyFrame:
        """Scan an exported table; of one window, if asked for, without the column orders_back."""
        table = scan_table(self.path, name)
        if orders_back is None:
            return table
        return table.filter(pl.col("orders_back") == orders_back).drop("orders_back")

    def baskets(self) -> pl.LazyFrame:
        """Scan the lines of every known order."""
        return self.table("baskets")

    def products(self) -> pl.DataFrame:
        """Read ids and names of every product, its aisle and its department."""
        return self.table("products").collect()

    def product_names(self) -> dict[int, str]:
        """Read the names of the products by product_id, as `names_by_id` gives them."""
        return names_by_id(self.table("products"))

    def window_targets(self, orders_back: int) -> pl.DataFrame:
        """Give the target orders of one window."""
        return self.targets.filter(pl.col("orders_back") == orders_back)

    def orders_to_predict(self) -> pl.DataFrame:
        """
        Give the newest window's target orders.

        Raises
        ------
        click.ClickException
            If there is none: every prediction would be empty.

        """
        targets = self.window_targets(0)
        if targets.is_empty():
            raise click.ClickException(
                f"there is no order to predict beside {self.path}: no shopper's last order is a"
                " train or a test order. `mode: live` predicts the order that every shopper is"
                " still to make: `MODE=live make run`, or `dbt build --vars '{mode: live, windows:"
                " 2}'`, then export and train again. Where that is the mode already, every shopper"
                " has been silent for longer than var longest_silence_days allows."
            )
        return targets

    def known_orders(self) -> str:
        """Say of how many of the target orders that were made the basket is known."""
        counts = []
        for eval_set, kind in (("train", "train"), ("prior", "older")):
            orders = self.targets.filter(pl.col("eval_set") == eval_set)
            if orders.height:
                counts.append(f"{orders['is_known'].sum()} of {orders.height} {kind} orders")
        return f"{' and '.join(counts) or 'No orders'} have a known basket."

    def shopper_numbers(self, users: Integers) -> Integers:
        """
        Give each user's place among all users with an order to predict, from 1.

        What is drawn by shopper is drawn by this number: it does not change with how ids are given,
        as long as their order stays.
        """
        everybody = np.unique(self.targets["user_id"].to_numpy())
        return np.searchsorted(everybody, users).astype(np.int64) + 1

    def sampled_targets(self) -> pl.DataFrame:
        """
        Give the known target orders of the users that discovery learns from.

        Raises
        ------
        click.ClickException
            If the model discovery_users lacks a user of the newest window.

        """
        sample = self.table("discovery_users").select("user_id", "orders_back", "is_sampled")
        targets = self.targets.join(
            sample.collect(), on=["user_id", "orders_back"], how="left", maintain_order="left"
        )
        newest = targets.filter(pl.col("orders_back") == 0)
        if newest["is_sampled"].null_count():
            raise click.ClickException(
                f"{table_file(self.path, 'discovery_users')} lacks"
                f" {newest['is_sampled'].null_count()} of the {newest.height} users in"
                " target_orders.parquet: export again."
            )
        return targets.filter(pl.col("is_known") & (pl.col("is_sampled") == 1))

    def fingerprint(self, names: Sequence[str]) -> str:
        """Give one sha256 that stands for the bytes of some tables, data.csv being CANDIDATES."""
        return fingerprint(self.path, names)

    def candidates(
        self,
        rows: Rows,
        scratch: Path | None = None,
        users: Integers | None = None,
        categories: Mapping[str, list[int]] | None = None,
    ) -> Candidates:
        """
        Read data.csv, and check that it belongs to the tables beside it.

        Parameters
        ----------
        rows
            Rows to keep.
        scratch
            Folder that takes a file with the features of these rows; without one they have none.
        users
            int64: the users whose rows are kept; None keeps those of all.
        categories
            Those of the run whose models are to read the rows; None numbers the ids that are met.

        Raises
        ------
        click.ClickException
            If data.csv is missing, damaged or not what contract.json says, or if its rows are not
            those that the baskets beside it give.

        """
        if not self.path.is_file():
            raise click.ClickException(
                f"{self.path} is missing: write it with `python -m ml export`."
            )
        names = feature_names(self.contract, "order-start")
        wanted = Wanted(rows, users)
        candidates, counts = read_candidates(
            self.path, self.contract, names, wanted, scratch, categories
        )
        _check_agreement(self, counts)
        return candidates


def names_by_id(products: pl.LazyFrame) -> dict[int, str]:
    """Give each product's name by product_id; one without a name is named by its id."""
    named = products.select("product_id", shown_name("product_name", "product", "product_id"))
    return dict(named.collect().iter_rows())


def shown_name(name: str, kind: str, key: str) -> pl.Expr:
    """Give what a shopper is shown: the name, or `<kind> <key>` where there is none."""
    is_there = pl.col(name).str.len_chars() > 0
    return pl.when(is_there).then(pl.col(name)).otherwise(pl.format(f"{kind} {{}}", pl.col(key)))


def open_data(path: Path) -> DataFolder:
    """
    Open the folder of a data.csv: read its contract and its target orders.

    Parameters
    ----------
    path
        Path of data.csv.

    Raises
    ------
    click.ClickException
        If contract, targets or baskets are missing or damaged.

    """
    contract = read_contract(path)
    targets = _known(scan_table(path, "target_orders"), scan_table(path, "baskets"))
    return DataFolder(path, contract, targets)


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


def _check_agreement(data: DataFolder, counts: pl.DataFrame) -> None:
    """Hold data.csv against the histories: this also finds a file cut off at a line's end."""
    users = np.union1d(data.targets["user_id"].to_numpy(), counts["user_id"].to_numpy())
    for _some, is_inside in user_parts(users):
        wrong = _disagreements(
            *(frame.lazy().filter(is_inside) for frame in (counts, data.targets, data.baskets()))
        )
        if wrong.height:
            row = wrong.row(0, named=True)
            raise click.ClickException(
                f"{data.path} does not fit baskets.parquet and target_orders.parquet beside it"
                f" (first at user_id {row['user_id']}, orders_back {row['orders_back']}:"
                f" {row['rows']} rows and {row['positives']} reorders instead of"
                f" {row['products']} and {row['reorders']}): export again."
            )


def _disagreements(
    counts: pl.LazyFrame, targets: pl.LazyFrame, baskets: pl.LazyFrame
) -> pl.DataFrame:
    """Give the orders to predict whose rows are not those that the histories make, sorted."""
    key = ["user_id", "orders_back"]
    first = baskets.group_by("user_id", "product_id").agg(pl.col("order_number").min())
    products = history(targets, first).group_by(key).agg(products=pl.len().cast(pl.Int64))
    return (
        targets.select(*key, "is_known", "reorders", is_target=pl.lit(value=True))
        .join(products, on=key, how="left")
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

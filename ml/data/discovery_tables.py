"""The tables that discovery reads beside data.csv."""

from dataclasses import dataclass
from pathlib import Path

import click
import polars as pl

from ml.data.arrays import Integers
from ml.data.contract import Contract, read_contract
from ml.data.tables import fingerprint, scan_table

_BASKETS = ("user_id", "order_number", "product_id", "add_to_cart_order")
_TARGETS = ("user_id", "order_number", "orders_back")
_SHOPPERS = (
    "user_id",
    "is_sampled",
    "user_orders",
    "user_total_products",
    "user_organic_ratio",
    "orders_back",
)
_AISLES = (
    "user_id",
    "aisle_id",
    "aisle_lines",
    "aisle_products",
    "aisle_last_order",
    "aisle_place",
    "orders_back",
)
_PRODUCTS = (
    "product_id",
    "aisle_id",
    "department_id",
    "prod_orders",
    "prod_reorders",
    "prod_first_orders",
    "prod_second_orders",
    "popularity_rank",
    "aisle_rank",
    "prod_is_organic",
    "orders_back",
)
_CANDIDATES = (
    "user_id",
    "product_id",
    "together_rank",
    "together_score",
    "together_products",
    "together_with_product_id",
    "orders_back",
)
_NAMES = (
    "product_id",
    "product_name",
    "aisle_id",
    "aisle_name",
    "department_id",
    "department_name",
)
_FILES = (
    "baskets",
    "targets",
    "shoppers",
    "shopper_aisles",
    "product_ranks",
    "discovery_candidates",
    "products",
)


@dataclass(frozen=True)
class Tables:
    """
    The tables of a data folder that discovery reads.

    Attributes
    ----------
    data
        Path of data.csv, beside which they lie.
    contract
        What contract.json says.
    targets
        One row per order to predict, sorted by orders_back and user_id: user_id, order_number,
        orders_back, is_known (its basket is known), is_sampled (the shopper is learnt from).
    baskets, shoppers, aisles, products, candidates
        Scans of baskets.parquet, shoppers.parquet, shopper_aisles.parquet, product_ranks.parquet
        and discovery_candidates.parquet.

    """

    data: Path
    contract: Contract
    targets: pl.DataFrame
    baskets: pl.LazyFrame
    shoppers: pl.LazyFrame
    aisles: pl.LazyFrame
    products: pl.LazyFrame
    candidates: pl.LazyFrame

    def names(self) -> pl.DataFrame:
        """Read products.parquet: ids and names of every product, its aisle and department."""
        return scan_table(self.data, "products", _NAMES).collect()

    def fingerprint(self, *more: str) -> str:
        """Give one sha256 of these tables, and of more that a task reads beside them."""
        return fingerprint(self.data, (*_FILES, *more))

    def in_window(self, table: pl.LazyFrame, orders_back: int) -> pl.LazyFrame:
        """Keep a table's rows of one window, without the column orders_back."""
        return table.filter(pl.col("orders_back") == orders_back).drop("orders_back")


def read_tables(data: Path) -> Tables:
    """
    Open the tables beside data.csv.

    Parameters
    ----------
    data
        Path of data.csv.

    Raises
    ------
    click.ClickException
        If a file is missing or damaged, lacks a column, or the shoppers do not fit the targets.

    """
    contract = read_contract(data)
    baskets = scan_table(data, "baskets", _BASKETS)
    shoppers = scan_table(data, "shoppers", _SHOPPERS)
    known = baskets.select("user_id", "order_number").unique().with_columns(is_known=True)
    targets = (
        scan_table(data, "targets", _TARGETS)
        .join(
            shoppers.select("user_id", "orders_back", is_sampled=pl.col("is_sampled") == 1),
            on=["user_id", "orders_back"],
            how="left",
        )
        .join(known, on=["user_id", "order_number"], how="left")
        .with_columns(pl.col("is_known").fill_null(value=False))
        .sort("orders_back", "user_id")
        .collect()
    )
    newest = targets.filter(pl.col("orders_back") == 0)
    if newest["is_sampled"].null_count():
        raise click.ClickException(
            f"{data.with_name('shoppers.parquet')} lacks {newest['is_sampled'].null_count()} of the"
            f" {newest.height} shoppers in targets.parquet: export again."
        )
    return Tables(
        data=data,
        contract=contract,
        targets=targets.with_columns(pl.col("is_sampled").fill_null(value=False)),
        baskets=baskets,
        shoppers=shoppers,
        aisles=scan_table(data, "shopper_aisles", _AISLES),
        products=scan_table(data, "product_ranks", _PRODUCTS),
        candidates=scan_table(data, "discovery_candidates", _CANDIDATES),
    )


def of_users(users: Integers) -> pl.Expr:
    """Keep the rows of some shoppers, rising; the range lets a sorted file skip its other parts."""
    if not len(users):
        return pl.lit(value=False)
    in_range = pl.col("user_id").is_between(users[0], users[-1])
    return in_range & pl.col("user_id").is_in(users)

"""The base features of data.csv, with the ratios made of them, in Polars."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from bench.polars_shop import Piece, Shop, pairs_of, ratio

BASE_COLUMNS = (
    "user_id",
    "product_id",
    "user_orders",
    "user_period",
    "user_mean_days_since_prior",
    "user_total_products",
    "user_distinct_products",
    "user_reorder_ratio",
    "up_orders",
    "up_first_order",
    "up_last_order",
    "up_average_cart_position",
    "prod_orders",
    "prod_reorders",
    "prod_first_orders",
    "prod_second_orders",
    "orders_back",
    "eval_set",
    "order_id",
    "order_number",
    "order_dow",
    "order_hour_of_day",
    "days_since_prior_order",
    "prod_reorder_probability",
    "prod_reorder_times",
    "prod_reorder_ratio",
    "user_average_basket",
    "up_order_rate",
    "up_orders_since_last_order",
    "up_order_rate_since_first_order",
    "reordered",
)

_DAYS = pl.col("days_since_prior_order")
_OF_ORDERS = {
    "user_orders": pl.max("order_number"),
    "user_period": pl.when(_DAYS.count() > 0).then(_DAYS.sum()),
    "user_mean_days_since_prior": ratio(_DAYS.sum(), _DAYS.count()),
}
_OF_PAIRS = {
    "prod_orders": pl.col("up_orders").cast(pl.Int64).sum(),
    "prod_reorders": pl.col("up_reorders").cast(pl.Int64).sum(),
    "prod_first_orders": pl.len().cast(pl.Int64),
    "prod_second_orders": (pl.col("up_orders") > 1).sum().cast(pl.Int64),
}


@dataclass(frozen=True)
class Part:
    """
    What the shoppers of a piece come to.

    Attributes
    ----------
    users
        One row per shopper, in the order of `user`, with the order to predict.
    pairs
        One row per product of a shopper who has such an order.
    totals
        Sums by product, over all shoppers.

    """

    users: pl.DataFrame
    pairs: pl.DataFrame
    totals: pl.DataFrame


def count_base(shop: Shop, piece: Piece) -> Part:
    """Count what the base features of some shoppers are made of."""
    return part_of(shop, piece, pair_sums(piece.lines))


def pair_sums(
    lines: pl.DataFrame, sums: Sequence[str] = (), firsts: Sequence[str] = ()
) -> pl.DataFrame:
    """Count the orders and cart positions of each pair, and what else is named (`pairs_of`)."""
    names = {"cart_position": "up_cart_positions", "reordered": "up_reorders"}
    return pairs_of(lines, [*names, *sums], firsts).rename(names)


def part_of(
    shop: Shop,
    piece: Piece,
    pairs: pl.DataFrame,
    of_orders: Mapping[str, pl.Expr] | None = None,
    of_pairs: Mapping[str, pl.Expr] | None = None,
) -> Part:
    """
    Add up orders and pairs of some shoppers.

    Parameters
    ----------
    shop
        Everything but the lines.
    piece
        The shoppers.
    pairs
        Theirs.
    of_orders
        More to work out of a shopper's orders.
    of_pairs
        More to add up by product.

    """
    targets, baskets = piece.own(shop.targets), piece.own(shop.baskets)
    later_lines = pl.sum("up_orders") - (pl.col("up_first_order") == 1).sum().cast(pl.Int32)
    from_orders = piece.orders.lazy().group_by("user").agg(**_OF_ORDERS, **of_orders or {})
    from_pairs = (
        pairs.lazy()
        .group_by("user")
        .agg(
            user_total_products=pl.sum("up_orders"),
            user_distinct_products=pl.len(),
            user_reorder_ratio=ratio(pl.sum("up_reorders"), later_lines),
        )
    )
    users = (
        from_orders.join(from_pairs, on="user", how="left")
        .join(targets.lazy(), on="user", how="left")
        .join(baskets.lazy().select("user", label_of_absent=0).unique(), on="user", how="left")
        .with_columns(
            orders_back=pl.lit(0),
            user_average_basket=pl.col("user_total_products") / pl.col("user_orders"),
        )
        .sort("user")
    )
    predicted = pairs.lazy().filter(pl.col("user").is_in(targets["user"].implode()))
    return Part(
        users.collect(),
        predicted.with_columns(bought=pl.col("pair").is_in(baskets["pair"].implode()))
        .drop("pair")
        .collect(),
        totals_of(pairs, of_pairs),
    )


def totals_of(pairs: pl.DataFrame, of_pairs: Mapping[str, pl.Expr] | None = None) -> pl.DataFrame:
    """Add pairs up by product: what the base features take, and what else is given."""
    return pairs.lazy().group_by("product").agg(**_OF_PAIRS, **of_pairs or {}).collect()


def base_products(totals: pl.DataFrame, catalogue: pl.DataFrame) -> pl.DataFrame:
    """Give totals and ratios of the products, one row per product of the catalogue."""
    buyers = pl.col("prod_first_orders")
    return (
        catalogue.lazy()
        .join(totals.lazy(), on="product", how="left")
        .sort("product")
        .drop("product")
        .with_columns(
            prod_reorder_probability=pl.col("prod_second_orders") / buyers,
            prod_reorder_times=1 + pl.col("prod_reorders") / buyers,
            prod_reorder_ratio=pl.col("prod_reorders") / pl.col("prod_orders"),
        )
        .collect()
    )


def base_rows(products: pl.DataFrame, part: Part) -> pl.LazyFrame:
    """Give the rows of data.csv of some shoppers, with more columns than data.csv has."""
    of_users = part.users.drop("user")[part.pairs["user"] - part.users["user"].first()]
    since_first = pl.col("user_orders") - pl.col("up_first_order") + 1
    return (
        part.pairs.hstack(of_users)
        .hstack(products[part.pairs["product"]])
        .lazy()
        .with_columns(
            up_average_cart_position=pl.col("up_cart_positions") / pl.col("up_orders"),
            up_order_rate=pl.col("up_orders") / pl.col("user_orders"),
            up_orders_since_last_order=pl.col("user_orders") - pl.col("up_last_order"),
            up_order_rate_since_first_order=pl.col("up_orders") / since_first,
            reordered=pl.when("bought").then(1).otherwise(pl.col("label_of_absent")),
        )
    )

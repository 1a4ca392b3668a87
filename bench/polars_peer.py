"""
The script that a strong engineer would write instead of this project, in Polars.

It does the work of `dbt build` with `windows: 1` and of `ml export` for the base features, their
ratios, target and label, without staging tables, tests or a memory bound: raw CSV files in, a file
with these columns of data.csv out, in the same order and with the same text.
"""

import sys
from pathlib import Path

import polars as pl

ORDER_TYPES = {"order_hour_of_day": pl.Int64, "days_since_prior_order": pl.Float64}
COLUMNS = [
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
]


def main(raw: Path, out: Path) -> None:
    """Read the raw files in `raw` and write data.csv to `out`."""
    orders = pl.read_csv(raw / "orders.csv", schema_overrides=ORDER_TYPES, glob=False).with_columns(
        pl.col("days_since_prior_order").cast(pl.Int64)
    )
    prior = orders.lazy().filter(pl.col("eval_set") == "prior")
    lines = (
        pl.scan_csv(raw / "order_products__prior.csv", glob=False)
        .join(prior.select("order_id", "user_id", "order_number"), on="order_id")
        .collect(engine="streaming")
        .lazy()
    )
    pairs = (
        lines.group_by("user_id", "product_id")
        .agg(
            up_orders=pl.len().cast(pl.Int64),
            up_first_order=pl.min("order_number"),
            up_last_order=pl.max("order_number"),
            up_average_cart_position=pl.mean("add_to_cart_order"),
            reorders=pl.sum("reordered"),
        )
        .sort("user_id", "product_id")
        .collect(engine="streaming")
    )
    products = (
        pairs.lazy()
        .group_by("product_id")
        .agg(
            prod_orders=pl.sum("up_orders"),
            prod_reorders=pl.sum("reorders"),
            prod_first_orders=pl.len().cast(pl.Int64),
            prod_second_orders=(pl.col("up_orders") > 1).sum().cast(pl.Int64),
        )
        .with_columns(
            prod_reorder_probability=pl.col("prod_second_orders") / pl.col("prod_first_orders"),
            prod_reorder_times=1 + pl.col("prod_reorders") / pl.col("prod_first_orders"),
            prod_reorder_ratio=pl.col("prod_reorders") / pl.col("prod_orders"),
        )
    )
    user_orders = prior.group_by("user_id").agg(
        user_orders=pl.max("order_number"),
        user_period=pl.sum("days_since_prior_order"),
        user_mean_days_since_prior=pl.mean("days_since_prior_order"),
    )
    later_lines = pl.sum("up_orders") - (pl.col("up_first_order") == 1).sum()
    user_products = (
        pairs.lazy()
        .group_by("user_id")
        .agg(
            user_total_products=pl.sum("up_orders"),
            user_distinct_products=pl.len().cast(pl.Int64),
            user_reorder_ratio=pl.when(later_lines > 0).then(pl.sum("reorders") / later_lines),
        )
    )
    targets = orders.lazy().filter(pl.col("eval_set") != "prior")
    baskets = pl.scan_csv(raw / "order_products__train.csv", glob=False).join(
        targets.select("order_id", "user_id"), on="order_id"
    )
    known = baskets.select("user_id").unique().with_columns(absent=pl.lit(0))
    users = (
        targets.join(user_orders, on="user_id")
        .join(user_products, on="user_id")
        .join(known, on="user_id", how="left")
        .with_columns(
            orders_back=pl.lit(0),
            user_average_basket=pl.col("user_total_products") / pl.col("user_orders"),
        )
    )
    bought = baskets.select("user_id", "product_id", bought=pl.lit(1))
    since_first = pl.col("user_orders") - pl.col("up_first_order") + 1
    (
        pairs.lazy()
        .join(users, on="user_id", maintain_order="left")
        .join(products, on="product_id", maintain_order="left")
        .join(bought, on=["user_id", "product_id"], how="left", maintain_order="left")
        .with_columns(
            up_order_rate=pl.col("up_orders") / pl.col("user_orders"),
            up_orders_since_last_order=pl.col("user_orders") - pl.col("up_last_order"),
            up_order_rate_since_first_order=pl.col("up_orders") / since_first,
            reordered=pl.coalesce("bought", "absent"),
        )
        .select(COLUMNS)
        .sink_csv(out)
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

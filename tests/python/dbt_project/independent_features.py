"""data.csv computed a second time from the raw files, in another language than the models'."""

from pathlib import Path

import polars as pl

from bench.polars_base import BASE_COLUMNS


def compute_data(raw: Path, windows: int) -> pl.DataFrame:
    """
    Compute the keys, base features, ratios, target and label of data.csv in benchmark mode.

    Returns
    -------
    polars.DataFrame
        Whole numbers as Int64, ratios as Float64, eval_set as String; in no particular order.

    """
    orders = pl.read_csv(raw / "orders.csv")
    lines = pl.concat(
        pl.read_csv(raw / f"order_products__{eval_set}.csv") for eval_set in ("prior", "train")
    ).join(orders.select("order_id", "user_id", "order_number"), on="order_id")
    to_predict = orders.filter(pl.col("eval_set").is_in(["train", "test"])).select(
        "user_id", number_0="order_number"
    )
    return pl.concat(
        _window(orders, lines, to_predict, orders_back) for orders_back in range(windows)
    )


def _window(
    orders: pl.DataFrame, lines: pl.DataFrame, to_predict: pl.DataFrame, orders_back: int
) -> pl.DataFrame:
    ends = to_predict.select("user_id", end=pl.col("number_0") - orders_back)
    known = orders.join(ends, on="user_id").filter(pl.col("order_number") < pl.col("end"))
    history = lines.join(ends, on="user_id").filter(pl.col("order_number") < pl.col("end"))
    targets = orders.join(ends, on="user_id").filter(
        (pl.col("order_number") == pl.col("end")) & ((orders_back == 0) | (pl.col("end") > 2))
    )

    pairs = history.group_by("user_id", "product_id").agg(
        up_orders=pl.col("order_id").n_unique(),
        up_first_order=pl.col("order_number").min(),
        up_last_order=pl.col("order_number").max(),
        up_average_cart_position=pl.col("add_to_cart_order").mean(),
    )
    of_users = known.group_by("user_id").agg(
        user_orders=pl.col("order_number").max(),
        # polars sums nothing to 0, SQL to null
        user_period=pl.when(pl.col("days_since_prior_order").count() > 0).then(
            pl.col("days_since_prior_order").sum()
        ),
        user_mean_days_since_prior=pl.col("days_since_prior_order").mean(),
    )
    of_baskets = history.group_by("user_id").agg(
        user_total_products=pl.len(),
        user_distinct_products=pl.col("product_id").n_unique(),
        user_reorder_ratio=pl.col("reordered").filter(pl.col("order_number") != 1).mean(),
    )
    buyers = history.group_by("product_id", "user_id").agg(times=pl.col("order_id").n_unique())
    of_products = history.group_by("product_id").agg(
        prod_orders=pl.len(),
        prod_reorders=pl.col("reordered").sum(),
        prod_first_orders=pl.col("user_id").n_unique(),
    )
    of_second_purchases = (
        buyers.filter(pl.col("times") >= 2)
        .group_by("product_id")
        .agg(prod_second_orders=pl.col("user_id").n_unique())
    )
    baskets = (
        targets.select("order_id")
        .join(lines, on="order_id")
        .group_by("user_id")
        .agg(basket=pl.col("product_id"))
    )

    column = pl.col
    return (
        targets.join(pairs, on="user_id")
        .join(of_users, on="user_id")
        .join(of_baskets, on="user_id")
        .join(of_products, on="product_id")
        .join(of_second_purchases, on="product_id", how="left")
        .join(baskets, on="user_id", how="left")
        .with_columns(column("prod_second_orders").fill_null(0))
        .with_columns(
            orders_back=pl.lit(orders_back, pl.Int64),
            prod_reorder_probability=column("prod_second_orders") / column("prod_first_orders"),
            prod_reorder_times=1 + column("prod_reorders") / column("prod_first_orders"),
            prod_reorder_ratio=column("prod_reorders") / column("prod_orders"),
            user_average_basket=column("user_total_products") / column("user_orders"),
            up_order_rate=column("up_orders") / column("user_orders"),
            up_orders_since_last_order=column("user_orders") - column("up_last_order"),
            up_order_rate_since_first_order=column("up_orders")
            / (column("user_orders") - column("up_first_order") + 1),
            # null where there is no basket to look into
            reordered=column("product_id").is_in(column("basket")).cast(pl.Int64),
        )
        .with_columns(
            column("user_period", "days_since_prior_order").cast(pl.Int64, strict=True),
            pl.selectors.unsigned_integer().cast(pl.Int64),
        )
        .select(BASE_COLUMNS)
    )

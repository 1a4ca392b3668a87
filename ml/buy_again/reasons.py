"""Why a product is recommended, in a shopper's words."""

import polars as pl
import pyarrow as pa


def reasons(features: pa.Table) -> pl.Series:
    """
    Say for each candidate what its history with the shopper is.

    Parameters
    ----------
    features
        Columns up_orders, up_last_order and user_orders of n candidates.

    Returns
    -------
    polars.Series
        n strings such as "in 5 of 9 orders, last 1 order ago". The order before the one to
        predict is 1 order ago.

    """
    held, last, orders = (
        pl.col(name).cast(pl.Int64) for name in ("up_orders", "up_last_order", "user_orders")
    )
    ago = orders - last + 1
    return (
        pl.DataFrame(features.select(["up_orders", "up_last_order", "user_orders"]))
        .select(
            pl.format(
                "in {} of {} {}, last {} {} ago",
                held,
                orders,
                _orders(orders),
                ago,
                _orders(ago),
            ).alias("reason")
        )
        .to_series()
    )


def _orders(count: pl.Expr) -> pl.Expr:
    return pl.when(count == 1).then(pl.lit("order")).otherwise(pl.lit("orders"))

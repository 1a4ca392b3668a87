"""What a target order's user had bought before it: the one place that says what `before` means."""

import polars as pl


def history(targets: pl.DataFrame | pl.LazyFrame, lines: pl.LazyFrame) -> pl.LazyFrame:
    """
    Give the lines of each user's orders before the target order.

    Parameters
    ----------
    targets
        The orders to predict: user_id, order_number, and orders_back if several windows are asked
        for; further columns are left out.
    lines
        Order lines: user_id, order_number and any other columns, such as `baskets`.

    Returns
    -------
    polars.LazyFrame
        The lines of earlier orders, in no order, with target_order_number (int64), orders_ago
        (int64: orders between the line's and the target, 0 for the last one before it) and the
        targets' orders_back.

    """
    frame = targets.lazy()
    key = ["user_id", *(name for name in frame.collect_schema().names() if name == "orders_back")]
    ends = frame.select(*key, target_order_number=pl.col("order_number").cast(pl.Int64))
    return (
        lines.join(ends, on="user_id")
        .filter(pl.col("order_number") < pl.col("target_order_number"))
        .with_columns(orders_ago=pl.col("target_order_number") - 1 - pl.col("order_number"))
    )

"""Carts for runs where nobody fills one: the answer is what shoppers begin with."""

from pathlib import Path

import polars as pl

from ml.data.tables import scan_table


def write_empty_carts(data: Path, carts: Path) -> Path:
    """
    Write an empty cart for every order to come, under its shopper's number.

    Parameters
    ----------
    data
        Path of data.csv, beside which the target orders lie.
    carts
        The CSV file to write, as `ml.data.carts.read_carts` reads it.

    Returns
    -------
    Path
        `carts`.

    """
    scan_table(data, "target_orders").filter(pl.col("orders_back") == 0).select(
        pl.col("user_id").alias("cart_id"),
        "user_id",
        pl.lit(None).alias("position"),
        pl.lit(None).alias("product_id"),
    ).collect().write_csv(carts)
    return carts

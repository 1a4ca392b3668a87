"""Shop favourites for a shopper without any earlier order, of whom nothing is known."""

import polars as pl

from ml.data.reading import DataFolder

COLD_START = "cold_start"
"""Name of the file, and what marks its rows."""

PER_DEPARTMENT = 3
FAVOURITES = 30


def shop_favourites(targets: pl.DataFrame, data: DataFolder) -> pl.DataFrame:
    """
    List the products bought most often, at most a few of each department.

    Parameters
    ----------
    targets
        The orders to predict of shoppers without history (user_id, order_id), n of them.
    data
        The data folder, for the known orders and the departments.

    Returns
    -------
    polars.DataFrame
        FAVOURITES rows per order at most: user_id, order_id, product_id, rank (from 1), reason and
        source, which is COLD_START in every row.

    """
    favourites = (
        data.baskets()
        .group_by("product_id")
        .agg(lines=pl.len())
        .join(
            data.table("products").select("product_id", "department_name"),
            on="product_id",
            how="left",
        )
        .sort("lines", "product_id", descending=[True, False])
        .filter(pl.int_range(pl.len()).over("department_name") < PER_DEPARTMENT)
        .head(FAVOURITES)
        .select(
            "product_id",
            rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int32),
            reason=pl.coalesce(
                pl.format(
                    "a favourite of the shop in {}",
                    pl.col("department_name").replace("", None),
                ),
                pl.lit("a favourite of the shop"),
            ),
            source=pl.lit(COLD_START),
        )
    )
    return (
        targets.lazy()
        .select("user_id", "order_id")
        .join(favourites, how="cross")
        .sort("user_id", "rank")
        .collect()
    )

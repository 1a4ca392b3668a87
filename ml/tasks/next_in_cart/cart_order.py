"""Whether a shop knows in which order its carts are filled."""

import polars as pl

from ml.data.reading import DataFolder
from ml.fitting.nothing_to_learn import NothingToLearn
from ml.tasks.next_in_cart import NAME


def check_cart_order(data: DataFolder) -> None:
    """
    Refuse a shop in most of whose orders two products stand in one place of the cart.

    Raises
    ------
    NothingToLearn
        If that is so in more than half of the known orders with two lines or more.

    """
    places = pl.col("add_to_cart_order")
    orders = (
        data.baskets()
        .group_by("user_id", "order_number")
        .agg(lines=pl.len(), is_tied=places.n_unique() < pl.len())
        .filter(pl.col("lines") > 1)
        .select(orders=pl.len(), tied=pl.col("is_tied").sum())
        .collect(engine="streaming")
    )
    count, tied = orders.row(0)
    if 2 * tied > count:
        raise NothingToLearn(
            f"{NAME} cannot be learnt: in {tied} of {count} orders with two products or more, two"
            " products have the same add_to_cart_order, so that the order in which carts were"
            " filled is not known."
        )

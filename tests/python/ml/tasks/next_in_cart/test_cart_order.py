"""Whether a shop knows in which order its carts are filled."""

from types import SimpleNamespace
from typing import Any, cast

import polars as pl
import pytest

from ml.data.reading import DataFolder
from ml.fitting.nothing_to_learn import NothingToLearn
from ml.tasks.next_in_cart.cart_order import check_cart_order


def shop(*orders: list[int]) -> DataFolder:
    """Give a shop of one shopper with the places of each order's products."""
    rows: list[dict[str, Any]] = [
        {"user_id": 1, "order_number": number, "add_to_cart_order": place}
        for number, places in enumerate(orders, start=1)
        for place in places
    ]
    return cast("DataFolder", SimpleNamespace(baskets=lambda: pl.DataFrame(rows).lazy()))


def test_half_of_the_orders_may_have_two_products_in_one_place() -> None:
    # an order of one product tells nothing
    check_cart_order(shop([1, 2, 3], [1, 2, 2], [1], [1], [1]))
    check_cart_order(shop([1], [1]))


def test_more_than_half_may_not() -> None:
    with pytest.raises(NothingToLearn, match="in 2 of 3 orders with two products or more"):
        check_cart_order(shop([2, 1], [1, 1], [3, 1, 3], [1]))

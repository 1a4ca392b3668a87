"""What was bought lately, worked out by hand."""

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from scipy.sparse import csr_matrix

from ml.scoring import parameters
from ml.scoring.purchase_matrix import read_purchases
from ml.scoring.recent_purchases import RecentPurchases

# shopper, order, day, product
LINES = [
    (1, 1, 1, 10),
    (1, 2, 9, 20),
    (1, 3, 20, 30),  # the target order of shopper 1, on day 20
    (2, 1, 2, 10),
    (2, 2, 18, 30),
    (2, 3, 19, 10),
    (2, 4, 20, 20),  # a day that is not before shopper 1's
    (2, 5, 40, 30),  # the target order of shopper 2, on day 40
    (3, 1, 19, 20),
    (3, 2, 19, 20),
    (3, 3, 19, 30),  # the target order of shopper 3: before shopper 1's, and in no history
]
TARGETS = pl.DataFrame({"user_id": [3, 1, 2, 4], "order_number": [3, 3, 5, 1]})
PRODUCTS = np.array([10, 20, 30])


def recent(references: list[int], targets: pl.DataFrame = TARGETS) -> RecentPurchases:
    columns = ["user_id", "order_number", "day", "product_id"]
    first = datetime(2017, 3, 1)  # noqa: DTZ001 - the shop's own
    baskets = pl.LazyFrame(LINES, columns, orient="row").with_columns(
        ordered_at=pl.lit(first) + timedelta(hours=23) + pl.duration(days="day")
    )
    purchases = read_purchases(baskets, targets, PRODUCTS)
    return RecentPurchases(baskets, targets, purchases, np.array(references))


def test_what_the_shop_sold_in_the_seven_days_before_the_order() -> None:
    shares = recent([0, 1, 2]).shares(np.array([0, 2, 1, 3]))
    # before day 20: shopper 2's orders of days 18 and 19, two of shopper 3's
    assert shares[0] == pytest.approx([1 / 4, 2 / 4, 1 / 4])
    # before day 19 only that of day 18
    assert shares[1] == pytest.approx([0, 0, 1])
    # nobody bought anything in the week before day 40, nor before shopper 4's order to come
    assert not shares[2:].any()


@pytest.mark.parametrize(
    ("days", "lines"),
    # days 10 and 9, then 3 and 2 are the first that count for the order of day 20
    [(10, [1, 2, 1]), (11, [1, 3, 1]), (17, [1, 3, 1]), (18, [2, 3, 1])],
)
def test_the_first_day_that_counts(
    monkeypatch: pytest.MonkeyPatch, days: int, lines: list[int]
) -> None:
    monkeypatch.setattr(parameters, "SHOP_DAYS", days)
    (shares,) = recent([0, 1, 2]).shares(np.array([0]))
    assert shares == pytest.approx(np.array(lines) / sum(lines))


def test_an_order_to_come_is_the_day_after_the_newest() -> None:
    targets = pl.DataFrame({"user_id": [1, 2, 3], "order_number": [4, 6, 4]})
    shares = recent([0, 1, 2], targets).shares(np.array([0]))
    assert shares.tolist() == [[0, 0, 1]]


def test_neighbours_count_for_each_purchase_by_their_weight(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # of shoppers 2 and 3, who weigh 3 and 5 for shopper 1, and 7 for shopper 3 the first
    weights = csr_matrix(np.array([[3, 5], [7, 0]], dtype=np.float32))
    rows = np.array([0, 2])
    scores = recent([1, 2]).neighbour_scores(rows, weights)
    assert scores.tolist() == [[3, 10, 3], [0, 0, 7]]
    # day 2 is 18 days before day 20, and 17 before day 19
    monkeypatch.setattr(parameters, "NEIGHBOUR_DAYS", 17)
    scores = recent([1, 2]).neighbour_scores(rows, weights)
    assert scores.tolist() == [[3, 10, 3], [7, 0, 7]]
    monkeypatch.setattr(parameters, "NEIGHBOUR_DAYS", 18)
    assert recent([1, 2]).neighbour_scores(rows, weights).tolist() == [[6, 10, 3], [7, 0, 7]]


def test_only_reference_shoppers_count() -> None:
    assert recent([2]).shares(np.array([0])).tolist() == [[0, 1, 0]]


def test_a_shop_without_dates_knows_nothing() -> None:
    baskets = pl.LazyFrame(
        {"user_id": [1], "order_number": [1], "product_id": [10], "ordered_at": [None]},
        schema_overrides={"ordered_at": pl.Datetime},
    )
    targets = pl.DataFrame({"user_id": [1], "order_number": [2]})
    purchases = read_purchases(baskets, targets, PRODUCTS)
    assert not RecentPurchases(baskets, targets, purchases, np.array([0])).has_days

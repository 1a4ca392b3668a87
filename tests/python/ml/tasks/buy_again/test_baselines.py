"""The baselines against a history worked out by hand."""

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from ml.data.data_csv import Candidates
from ml.tasks.buy_again.baselines import history_scores


def test_scores_read_the_orders_before_the_target_only() -> None:
    # orders 1 to 3 before the target, which is order 4 and holds product 12
    baskets = pl.LazyFrame(
        {
            "user_id": 7,
            "order_number": [1, 1, 2, 3, 3, 4, 4, 5],
            "product_id": [10, 11, 10, 10, 12, 11, 12, 11],
        }
    )
    targets = pl.DataFrame({"user_id": [7], "order_number": [4]})
    candidates = Candidates(
        np.array([7, 7, 7]), np.array([10, 11, 12]), np.zeros(3, int), np.zeros(3), pa.table({})
    )
    scores = history_scores(candidates, targets, baskets)
    assert scores["in_last_basket"].to_list() == [1, 0, 1]
    np.testing.assert_allclose(scores["frequency"], [1, 1 / 3, 1 / 3])
    np.testing.assert_allclose(scores["recency"], [0.85**2 + 0.85 + 1, 0.85**2, 1])


def test_each_shopper_is_scored_whatever_part_it_is_read_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ml.data.users.USERS_AT_ONCE", 1)
    baskets = pl.LazyFrame(
        {"user_id": [7, 7, 8, 8], "order_number": [1, 2, 1, 2], "product_id": [10, 10, 11, 10]}
    )
    targets = pl.DataFrame({"user_id": [7, 8], "order_number": [3, 3]})
    candidates = Candidates(
        np.array([7, 8, 8]), np.array([10, 10, 11]), np.zeros(3, int), np.zeros(3), None
    )
    scores = history_scores(candidates, targets, baskets)
    assert scores["frequency"].to_list() == [1, 0.5, 0.5]
    assert scores["in_last_basket"].to_list() == [1, 1, 0]

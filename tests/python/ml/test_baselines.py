"""The baselines against a history worked out by hand."""

import numpy as np
import polars as pl
import pyarrow as pa

from ml.buy_again.baselines import history_scores
from ml.candidates import Candidates


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

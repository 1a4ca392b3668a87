"""What the re-ranker learns from."""

import numpy as np
import polars as pl
import pytest

from ml.tasks.discovery.model import Examples, order_weights


def test_orders_of_many_new_products_count_less_for_each() -> None:
    # the first shopper buys two of three candidates, the second one of two, the third none of two
    users = [4, 4, 4, 7, 7, 9, 9]
    label = np.array([1, 0, 1, 0, 1, 0, 0], dtype=np.float32)
    keys = pl.DataFrame({"user_id": users, "product_id": range(7)})
    weights = order_weights(Examples(np.zeros((7, 0), dtype=np.float32), label, keys))
    assert weights == pytest.approx([0.5**0.5] * 3 + [1, 1, 1, 1])

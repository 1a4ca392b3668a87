"""The rankings that models are compared with, against slow and plain computations."""

from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.sparse import csr_matrix

from ml.data.reading import open_data
from ml.scoring import parameters
from ml.scoring.item_knn import SimilarProducts
from ml.scoring.popularity import AislePopularity
from ml.scoring.purchase_matrix import PurchaseMatrix


def test_item_knn_as_a_plain_loop_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = np.random.default_rng(3).poisson(0.4, size=(60, 12)).astype(np.float32)
    bought = counts > 0
    both = np.array([[(bought[:, i] & bought[:, j]).sum() for j in range(12)] for i in range(12)])
    # so many neighbours that all are counted: the loop need not break ties as the library does
    monkeypatch.setattr(parameters, "ITEM_NEIGHBOURS", 11)
    found = SimilarProducts(PurchaseMatrix(np.arange(60), np.arange(12), csr_matrix(counts)))
    rows = np.array([4, 17])
    expected = [
        [sum(both[i, j] for i in np.flatnonzero(bought[row])) for j in range(12)] for row in rows
    ]
    assert found.scores(rows) == pytest.approx(np.array(expected))
    assert found.scores_of(np.array([2, 5])) == pytest.approx(both[2] + both[5])
    assert not found.scores_of(np.array([], dtype=np.int64)).any()


def test_item_knn_counts_the_most_similar_products_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    # product 0 is bought with 1 by three shoppers, with 2 by two, with 3 by one
    counts = np.array([[1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 1, 0], [1, 0, 0, 1]], dtype=np.float32)
    monkeypatch.setattr(parameters, "ITEM_NEIGHBOURS", 2)
    found = SimilarProducts(PurchaseMatrix(np.arange(4), np.arange(4), csr_matrix(counts)))
    assert found.scores_of(np.array([0])).tolist() == [4, 3, 2, 0]


@pytest.mark.parametrize("orders_back", [0, 1])
def test_aisle_popularity_as_a_plain_loop_has_it(data: Path, orders_back: int) -> None:
    """From the baskets, where the class reads counts that dbt made."""
    folder = open_data(data)
    ends = folder.window_targets(orders_back)
    aisle = dict(folder.products().select("product_id", "aisle_id").iter_rows())
    lines = (
        folder.baskets()
        .join(ends.lazy().select("user_id", end="order_number"), on="user_id")
        .filter(pl.col("order_number") < pl.col("end"))
        .collect()
    )
    buyers = Counter(product for _, product in set(lines["user_id", "product_id"].iter_rows()))
    buyers_in_aisle: Counter[int] = Counter()
    for product, count in buyers.items():
        buyers_in_aisle[aisle[product]] += count
    products = sorted(buyers)
    users = ends["user_id"].sort().to_numpy()[[0, 7, 20]]
    found = AislePopularity(folder, orders_back).scores(users)
    assert found.shape == (3, len(products))
    for user, scores in zip(users.tolist(), found, strict=True):
        own = Counter(aisle[product] for product in lines.filter(user_id=user)["product_id"])
        for product, score in zip(products, scores, strict=True):
            share = buyers[product] / buyers_in_aisle[aisle[product]]
            assert score == pytest.approx(own[aisle[product]] * share, rel=1e-5)
    assert (found > 0).any()

"""Similar shoppers and factors, against slow and plain computations."""

import numpy as np
import polars as pl
import pytest
from scipy.sparse import csr_matrix

from ml.scoring import parameters
from ml.scoring.factors import Factors
from ml.scoring.purchase_matrix import PurchaseMatrix, read_purchases
from ml.scoring.similar_shoppers import SimilarShoppers


@pytest.fixture
def purchases() -> PurchaseMatrix:
    counts = np.random.default_rng(3).poisson(0.3, size=(40, 25)).astype(np.float32)
    counts[5] = 0  # a shopper of whom nothing is known
    return PurchaseMatrix(np.arange(100, 140), np.arange(25) * 2, csr_matrix(counts))


@pytest.mark.parametrize("user", [0, 7])
def test_similar_shoppers_as_a_plain_loop_has_them(
    purchases: PurchaseMatrix, monkeypatch: pytest.MonkeyPatch, user: int
) -> None:
    bought = purchases.counts.toarray() > 0
    similarity = np.zeros(40)
    for other in range(40):
        if other != user and bought[other].any():
            both = (bought[user] & bought[other]).sum()
            similarity[other] = both / np.sqrt(bought[user].sum() * bought[other].sum())
    falling = np.sort(similarity)[::-1]
    # so many neighbours that the last is not as similar as the next one
    count = next(k for k in range(4, 40) if falling[k - 1] > falling[k])
    monkeypatch.setattr(parameters, "NEIGHBOURS", count)
    scores = SimilarShoppers(purchases).scores(np.array([user, 5]))
    nearest = np.argsort(-similarity)[:count]
    expected = sum(similarity[other] ** 2 * bought[other] for other in nearest)
    assert scores[0] == pytest.approx(expected, abs=1e-5)
    assert not scores[1].any()


def test_neighbours_come_from_a_sample_in_a_large_shop(
    purchases: PurchaseMatrix, monkeypatch: pytest.MonkeyPatch
) -> None:
    everybody = SimilarShoppers(purchases).scores(np.arange(40))
    monkeypatch.setattr(parameters, "REFERENCE_SHOPPERS", 10)
    sample = SimilarShoppers(purchases).scores(np.arange(40))
    assert sample.sum() < everybody.sum() / 2


@pytest.mark.parametrize(("users", "products"), [(25_000, 10), (30, 50_000), (25_000, 50_000)])
def test_a_part_is_bounded_by_products_and_reference_shoppers(users: int, products: int) -> None:
    one = np.ones(1, dtype=np.float32)
    counts = csr_matrix((one, ([0], [0])), shape=(users, products))
    purchases = PurchaseMatrix(np.arange(users), np.arange(products), counts)
    largest = max(len(part) for part in purchases.parts(purchases.users))
    cells = largest * max(products, min(users, parameters.REFERENCE_SHOPPERS))
    assert 0 < cells <= parameters.CHUNK_CELLS


def test_factors_put_what_was_bought_above_what_was_not(
    purchases: PurchaseMatrix, monkeypatch: pytest.MonkeyPatch
) -> None:
    # so few purchases would be taken for chance
    monkeypatch.setattr(parameters, "FACTOR_REGULARIZATION", 1.0)
    scores = Factors(purchases).scores(np.arange(40))
    bought = purchases.counts.toarray() > 0
    assert scores[bought].mean() > scores[~bought].mean() + 0.3
    assert (Factors(purchases).scores(np.arange(40)) == scores).all()


def test_a_small_shop_adds_up_fits_from_different_starts(
    purchases: PurchaseMatrix, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parameters, "FACTOR_REGULARIZATION", 1.0)
    monkeypatch.setattr(parameters, "FACTORS_SMALL", 4)
    rows = np.arange(40)
    fits = {}
    for count in (1, 2, 3):
        monkeypatch.setattr(parameters, "FACTOR_FITS_SMALL", count)
        fits[count] = Factors(purchases).scores(rows)
    assert np.abs(fits[2] - 2 * fits[1]).max() > 0.01
    assert fits[3].mean() == pytest.approx(3 * fits[1].mean(), rel=0.1)
    monkeypatch.setattr(parameters, "LARGE_SHOP", 40)
    monkeypatch.setattr(parameters, "FACTORS_LARGE", parameters.FACTORS_SMALL)
    assert (Factors(purchases).scores(rows) == fits[1]).all()


def test_histories_end_before_the_target() -> None:
    baskets = pl.LazyFrame(
        {
            "user_id": [1, 1, 1, 2, 3],
            "order_number": [1, 2, 3, 1, 1],
            "product_id": [10, 10, 20, 20, 10],
        }
    )
    targets = pl.DataFrame({"user_id": [1, 2], "order_number": [3, 1]})
    found = read_purchases(baskets, targets, np.array([10, 20]))
    assert found.users.tolist() == [1, 2]
    assert found.counts.toarray().tolist() == [[2, 0], [0, 0]]

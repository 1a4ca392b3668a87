"""The fitted sources, against slow and plain computations."""

import numpy as np
import polars as pl
import pytest
from scipy.sparse import csr_matrix

from ml.discovery import parameters
from ml.discovery.candidates import best
from ml.discovery.histories import Histories, read_histories
from ml.discovery.sources import Factors, SimilarShoppers


@pytest.fixture
def histories() -> Histories:
    counts = np.random.default_rng(3).poisson(0.3, size=(40, 25)).astype(np.float32)
    counts[5] = 0  # a shopper of whom nothing is known
    return Histories(np.arange(100, 140), np.arange(25) * 2, csr_matrix(counts))


def test_similar_shoppers_as_a_plain_loop_has_them(
    histories: Histories, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parameters, "NEIGHBOURS", 4)
    counts = histories.counts.toarray()
    weights = np.log1p(counts)
    scores = SimilarShoppers(histories).scores(np.array([0, 5, 7]))
    for row, user in enumerate((0, 7)):
        similarity = [
            -1.0
            if other == user or not weights[other].any()
            else weights[user]
            @ weights[other]
            / (np.linalg.norm(weights[user]) * np.linalg.norm(weights[other]))
            for other in range(40)
        ]
        nearest = np.argsort(similarity)[-4:]
        expected = sum(similarity[other] * (counts[other] > 0) for other in nearest)
        assert scores[2 * row] == pytest.approx(expected, abs=1e-5)
    assert not scores[1].any()


def test_neighbours_come_from_a_sample_in_a_large_shop(
    histories: Histories, monkeypatch: pytest.MonkeyPatch
) -> None:
    everybody = SimilarShoppers(histories).scores(np.arange(40))
    monkeypatch.setattr(parameters, "REFERENCE_SHOPPERS", 10)
    sample = SimilarShoppers(histories).scores(np.arange(40))
    assert sample.sum() < everybody.sum() / 2


def test_factors_put_what_was_bought_above_what_was_not(histories: Histories) -> None:
    scores = Factors(histories).scores(np.arange(40))
    bought = histories.counts.toarray() > 0
    assert scores[bought].mean() > scores[~bought].mean() + 0.3
    assert (Factors(histories).scores(np.arange(40)) == scores).all()


def test_best_marks_finite_scores_only() -> None:
    scores = np.array([[1, 5, -np.inf, 3], [-np.inf, -np.inf, -np.inf, 2]], dtype=np.float32)
    assert best(scores, 2).tolist() == [[False, True, False, True], [False, False, False, True]]


def test_histories_end_before_the_target() -> None:
    baskets = pl.LazyFrame(
        {
            "user_id": [1, 1, 1, 2, 3],
            "order_number": [1, 2, 3, 1, 1],
            "product_id": [10, 10, 20, 20, 10],
        }
    )
    targets = pl.DataFrame({"user_id": [1, 2], "order_number": [3, 1]})
    found = read_histories(baskets, targets, np.array([10, 20]))
    assert found.users.tolist() == [1, 2]
    assert found.counts.toarray().tolist() == [[2, 0], [0, 0]]

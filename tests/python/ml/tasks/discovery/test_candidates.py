"""Parts of the candidates: how much names are alike, and which scores are the best."""

import numpy as np
import polars as pl
import pytest
from scipy.sparse import csr_matrix

from ml.scoring.purchase_matrix import PurchaseMatrix
from ml.tasks.discovery.candidates import best
from ml.tasks.discovery.similar_names import SimilarNames


def test_similar_names_as_worked_out_by_hand() -> None:
    # of four names milk is in two, all other words are in one
    names = pl.DataFrame(
        {
            "product_id": [10, 20, 30, 40],
            "product_name": ["Milk", "Oat Milk milk", "Rye Bread", None],
        }
    )
    counts = csr_matrix(np.array([[3, 0, 0], [0, 0, 2], [1, 0, 1]], dtype=np.float32))
    purchases = PurchaseMatrix(np.array([1, 2, 3]), np.array([10, 20, 30]), counts)
    names_of = SimilarNames(purchases, names)
    row, column = np.array([0, 0, 0, 1, 1, 2, 2]), np.array([0, 1, 2, 1, 2, 0, 1])
    scores = names_of.scores_of(np.array([0, 1, 2]), row, column)
    # scikit-learn's smoothed weight of a word: log((1 + names) / (1 + names with it)) + 1
    milk, oat = np.log(5 / 3) + 1, np.log(5 / 2) + 1
    half = milk / np.hypot(milk, oat)
    # the third shopper's two names share no word: each has the length 1 in their sum
    both = np.array([1, half]) / np.sqrt(2)
    assert scores == pytest.approx([1, half, 0, 0, 1, *both], abs=1e-6)
    # some of the shoppers in another order
    some = names_of.scores_of(np.array([1, 0]), np.array([1, 0]), np.array([1, 2]))
    assert some == pytest.approx([half, 1], abs=1e-6)


def test_best_marks_finite_scores_only() -> None:
    scores = np.array([[1, 5, -np.inf, 3], [-np.inf, -np.inf, -np.inf, 2]], dtype=np.float32)
    assert best(scores, 2).tolist() == [[False, True, False, True], [False, False, False, True]]

"""Item-kNN: products bought by the same shoppers."""

import numpy as np
from implicit.nearest_neighbours import ItemItemRecommender

from ml.data.arrays import Floats, Integers, Scores
from ml.scoring import parameters
from ml.scoring.purchase_matrix import PurchaseMatrix


class SimilarProducts:
    """
    Item-kNN: products bought by the same shoppers as some others.

    Two products are as similar as there are shoppers who bought both; each counts its
    ITEM_NEIGHBOURS most similar ones (Deshpande and Karypis, Item-based Top-N Recommendation
    Algorithms, TOIS 2004), as the library implicit has it. In small shops the cosine, which favours
    rare products, ranks far worse.

    Parameters
    ----------
    purchases
        Purchases before the target orders of the window.

    """

    def __init__(self, purchases: PurchaseMatrix) -> None:
        self._bought = purchases.bought().astype(np.float64)  # what the library counts in
        model = ItemItemRecommender(K=parameters.ITEM_NEIGHBOURS + 1, num_threads=2)
        model.fit(self._bought, show_progress=False)
        self._similarity = model.similarity

    def scores(self, rows: Integers) -> Scores:
        """Give float32 [rows, p]: the summed similarity to what these shoppers bought."""
        scores: Scores = (self._bought[rows] @ self._similarity).toarray().astype(np.float32)
        return scores

    def scores_of(self, columns: Integers) -> Floats:
        """Give float64 [p]: the summed similarity to these products."""
        return np.asarray(self._similarity[columns].sum(axis=0), dtype=np.float64).ravel()

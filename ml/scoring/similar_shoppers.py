"""User-kNN: what shoppers with similar histories bought."""

import numpy as np
from scipy.sparse import csr_matrix, diags_array

from ml.data.arrays import Integers, Scores
from ml.fitting.folds import hold_out
from ml.scoring import parameters
from ml.scoring.purchase_matrix import PurchaseMatrix


class SimilarShoppers:
    """
    User-kNN: products of the shoppers with the most similar histories, weighted by similarity.

    Similarity is the squared cosine of the sets of products bought (Herlocker et al., An
    Algorithmic Framework for Performing Collaborative Filtering, SIGIR 1999, with implicit votes).
    In a large shop the neighbours come from a fixed sample of REFERENCE_SHOPPERS.

    Parameters
    ----------
    purchases
        Purchases before the target orders of the window.

    Attributes
    ----------
    references
        int64 [r], rising: rows of the shoppers among whom neighbours are looked for.

    """

    def __init__(self, purchases: PurchaseMatrix) -> None:
        bought = purchases.bought()
        self._unit = unit_rows(bought)
        count = len(purchases.users)
        self.references = np.arange(count)
        if count > parameters.REFERENCE_SHOPPERS:
            share = parameters.REFERENCE_SHOPPERS / count
            self.references = np.sort(hold_out(self.references + 1, share)) - 1
        self._reference_unit = self._unit[self.references].T.tocsr()
        self._bought = bought[self.references]

    def scores(self, rows: Integers) -> Scores:
        """Give float32 [rows, p]: the summed similarity of the neighbours who bought a product."""
        return self.bought_by(self.weights(rows))

    def bought_by(self, weights: csr_matrix) -> Scores:
        """Give float32 [m, p]: the summed weights, float32 [m, r], of a product's buyers."""
        scores: Scores = (weights @ self._bought).toarray()
        return scores

    def weights(self, rows: Integers) -> csr_matrix:
        """Give float32 [rows, r]: how similar the nearest of the reference shoppers are."""
        similarity = (self._unit[rows] @ self._reference_unit).toarray()
        similarity[rows[:, None] == self.references] = 0  # a shopper is no neighbour of their own
        count = min(parameters.NEIGHBOURS, similarity.shape[1])
        nearest = np.argpartition(-similarity, count - 1, axis=1)[:, :count]
        return csr_matrix(
            (
                np.take_along_axis(similarity, nearest, axis=1).ravel() ** 2,
                nearest.ravel(),
                np.arange(len(rows) + 1) * count,
            ),
            shape=similarity.shape,
        )


def unit_rows(matrix: csr_matrix) -> csr_matrix:
    """Scale each row to length 1; a row of zeros stays."""
    length = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return csr_matrix(diags_array(1 / np.maximum(length, 1e-12)) @ matrix, dtype=np.float32)

"""Scores fitted on the histories of a window: similar shoppers, and factors."""

import numpy as np
import numpy.typing as npt
import polars as pl
from implicit.cpu.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix, diags_array
from sklearn.feature_extraction.text import TfidfVectorizer
from threadpoolctl import threadpool_limits

from ml.data.arrays import Integers
from ml.fitting.folds import hold_out
from ml.scoring.histories import Histories
from ml.tasks.discovery import parameters
from ml.tools.machine import cores

Scores = npt.NDArray[np.float32]


class SimilarShoppers:
    """
    User-kNN: products of the shoppers with the most similar histories, weighted by similarity.

    Similarity is the squared cosine of the sets of products bought (Herlocker et al., An
    Algorithmic Framework for Performing Collaborative Filtering, SIGIR 1999, with implicit votes).
    In a large shop the neighbours come from a fixed sample of REFERENCE_SHOPPERS.

    Parameters
    ----------
    histories
        The histories of the window.

    """

    def __init__(self, histories: Histories) -> None:
        bought = histories.bought()
        self._unit = _unit_rows(bought)
        count = len(histories.users)
        self._references = np.arange(count)
        if count > parameters.REFERENCE_SHOPPERS:
            share = parameters.REFERENCE_SHOPPERS / count
            chosen = hold_out(histories.users, share)
            self._references = np.searchsorted(histories.users, np.sort(chosen))
        self._reference_unit = self._unit[self._references].T.tocsr()
        self._bought = bought[self._references]

    def scores(self, rows: Integers) -> Scores:
        """Give float32 [rows, p]: the summed similarity of the neighbours who bought a product."""
        similarity = (self._unit[rows] @ self._reference_unit).toarray()
        similarity[rows[:, None] == self._references] = 0  # a shopper is no neighbour of their own
        count = min(parameters.NEIGHBOURS, similarity.shape[1])
        nearest = np.argpartition(-similarity, count - 1, axis=1)[:, :count]
        weights = csr_matrix(
            (
                np.take_along_axis(similarity, nearest, axis=1).ravel() ** 2,
                nearest.ravel(),
                np.arange(len(rows) + 1) * count,
            ),
            shape=similarity.shape,
        )
        scores: Scores = (weights @ self._bought).toarray()
        return scores


class Factors:
    """
    Factors of shoppers and products by alternating least squares.

    Hu, Koren and Volinsky, Collaborative Filtering for Implicit Feedback Datasets, ICDM 2008, as
    the library implicit has it. In a small shop several fits from different starts are added up,
    because each of them depends much on its start.

    Parameters
    ----------
    histories
        The histories of the window.

    """

    def __init__(self, histories: Histories) -> None:
        is_large = len(histories.users) >= parameters.LARGE_SHOP
        bought = histories.bought()
        shoppers, products = [], []
        for start in range(1 if is_large else parameters.FACTOR_FITS_SMALL):
            with threadpool_limits(1, "blas"):  # the library spreads shoppers over the cores itself
                model = AlternatingLeastSquares(
                    factors=parameters.FACTORS_LARGE if is_large else parameters.FACTORS_SMALL,
                    regularization=parameters.FACTOR_REGULARIZATION,
                    alpha=parameters.FACTOR_CONFIDENCE,
                    iterations=parameters.FACTOR_ITERATIONS,
                    num_threads=cores(),
                    random_state=start + 1,
                )
                model.fit(bought, show_progress=False)
            shoppers.append(model.user_factors)
            products.append(model.item_factors)
        # the product of joined factors is the sum of the products
        self._shoppers = np.hstack(shoppers)
        self._products = np.hstack(products)

    def scores(self, rows: Integers) -> Scores:
        """Give float32 [rows, p]: the product of the factors, summed over the fits."""
        scores: Scores = self._shoppers[rows] @ self._products.T
        return scores


class SimilarNames:
    """
    How much a product's name resembles the names of what a shopper bought.

    Cosine of the words' TF-IDF (Salton and Buckley, Term-weighting Approaches in Automatic Text
    Retrieval, 1988), of a product's name and of all names in the history together, each once.

    Parameters
    ----------
    histories
        The histories of the window.
    names
        product_id, product_name: every product of the shop.

    """

    def __init__(self, histories: Histories, names: pl.DataFrame) -> None:
        words = TfidfVectorizer(binary=True, dtype=np.float32)
        words.fit(names["product_name"].fill_null(""))
        own = pl.DataFrame({"product_id": histories.products}).join(
            names, on="product_id", how="left", maintain_order="left"
        )
        self._names = words.transform(own["product_name"].fill_null(""))
        self._bought = histories.bought()

    def scores_of(self, rows: Integers, row: Integers, column: Integers) -> Scores:
        """
        Score some pairs of shoppers and products.

        Parameters
        ----------
        rows
            int64 [m]: the shoppers' rows of the histories.
        row, column
            int64 [n]: of each pair the place in `rows`, and the product's column.

        Returns
        -------
        float32 [n]

        """
        histories = _unit_rows(self._bought[rows] @ self._names).toarray()
        words = self._names[column]
        pair = np.repeat(np.arange(len(column)), np.diff(words.indptr))
        parts = words.data * histories[row[pair], words.indices]
        return np.bincount(pair, parts, minlength=len(column)).astype(np.float32)


def _unit_rows(matrix: csr_matrix) -> csr_matrix:
    length = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return csr_matrix(diags_array(1 / np.maximum(length, 1e-12)) @ matrix, dtype=np.float32)

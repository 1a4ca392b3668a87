"""Scores fitted on the histories of a window: similar shoppers, and factors."""

import os
import warnings
from typing import Protocol

import numpy as np
import numpy.typing as npt
from implicit.cpu.als import AlternatingLeastSquares
from implicit.nearest_neighbours import CosineRecommender
from implicit.utils import ParameterWarning
from scipy.sparse import csr_matrix, diags_array
from threadpoolctl import threadpool_limits

from ml.arrays import Integers
from ml.discovery import parameters
from ml.discovery.histories import Histories
from ml.folds import hold_out

Scores = npt.NDArray[np.float32]


class Source(Protocol):
    """Something that scores every product for some shoppers."""

    def scores(self, rows: Integers) -> Scores:
        """Give float32 [rows, p] for these rows of the histories."""


class SimilarShoppers:
    """
    User-kNN: products of the shoppers with the most similar histories, weighted by similarity.

    Similarity is the cosine of log(1 + orders) (Herlocker et al., An Algorithmic Framework for
    Performing Collaborative Filtering, SIGIR 1999, with implicit counts). In a large shop the
    neighbours come from a fixed sample of REFERENCE_SHOPPERS.

    Parameters
    ----------
    histories
        The histories of the window.

    """

    def __init__(self, histories: Histories) -> None:
        self._unit = _unit_rows(histories.counts.log1p())
        count = len(histories.users)
        self._references = np.arange(count)
        if count > parameters.REFERENCE_SHOPPERS:
            share = parameters.REFERENCE_SHOPPERS / count
            chosen = hold_out(histories.users, share)
            self._references = np.searchsorted(histories.users, np.sort(chosen))
        self._reference_unit = self._unit[self._references].T.tocsr()
        bought = histories.counts[self._references]
        self._bought = csr_matrix(
            (np.ones_like(bought.data), bought.indices, bought.indptr), shape=bought.shape
        )

    def scores(self, rows: Integers) -> Scores:
        """Give float32 [rows, p]: the summed similarity of the neighbours who bought a product."""
        similarity = (self._unit[rows] @ self._reference_unit).toarray()
        similarity[rows[:, None] == self._references] = 0  # a shopper is no neighbour of their own
        count = min(parameters.NEIGHBOURS, similarity.shape[1])
        nearest = np.argpartition(-similarity, count - 1, axis=1)[:, :count]
        weights = csr_matrix(
            (
                np.take_along_axis(similarity, nearest, axis=1).ravel(),
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
    the library implicit has it.

    Parameters
    ----------
    histories
        The histories of the window.

    """

    def __init__(self, histories: Histories) -> None:
        is_large = len(histories.users) >= parameters.LARGE_SHOP
        bought = histories.counts.copy()
        bought.data[:] = 1
        with threadpool_limits(1, "blas"):  # the library spreads shoppers over the cores itself
            model = AlternatingLeastSquares(
                factors=parameters.FACTORS_LARGE if is_large else parameters.FACTORS_SMALL,
                regularization=parameters.FACTOR_REGULARIZATION,
                alpha=parameters.FACTOR_CONFIDENCE,
                iterations=parameters.FACTOR_ITERATIONS,
                num_threads=len(os.sched_getaffinity(0)),
                random_state=1,
            )
            model.fit(bought, show_progress=False)
        self._shoppers = model.user_factors
        self._products = model.item_factors

    def scores(self, rows: Integers) -> Scores:
        """Give float32 [rows, p]: the product of the factors."""
        scores: Scores = self._shoppers[rows] @ self._products.T
        return scores


class SimilarProducts:
    """
    Item-kNN: products bought by the same shoppers as the shopper's own.

    Cosine between products over shoppers (Sarwar et al., Item-based Collaborative Filtering
    Recommendation Algorithms, WWW 2001), as the library implicit has it. A baseline.

    Parameters
    ----------
    histories
        The histories of the window.

    """

    def __init__(self, histories: Histories) -> None:
        self._bought = histories.counts.log1p()
        model = CosineRecommender(K=parameters.ITEM_NEIGHBOURS + 1, num_threads=2)
        with warnings.catch_warnings():
            # the library warns of the form in which it weights the matrix itself
            warnings.simplefilter("ignore", ParameterWarning)
            model.fit(self._bought, show_progress=False)
        self._similarity = model.similarity

    def scores(self, rows: Integers) -> Scores:
        """Give float32 [rows, p]: the summed similarity to the shopper's products."""
        scores: Scores = (self._bought[rows] @ self._similarity).toarray().astype(np.float32)
        return scores


def _unit_rows(matrix: csr_matrix) -> csr_matrix:
    length = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return csr_matrix(diags_array(1 / np.maximum(length, 1e-12)) @ matrix, dtype=np.float32)

"""Matrix factorization: factors of shoppers and products."""

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from threadpoolctl import threadpool_limits

from ml.data.arrays import Integers, Scores
from ml.scoring import parameters
from ml.scoring.purchase_matrix import PurchaseMatrix
from ml.tools.machine import cores


class Factors:
    """
    Factors of shoppers and products by alternating least squares.

    Hu, Koren and Volinsky, Collaborative Filtering for Implicit Feedback Datasets, ICDM 2008, as
    the library implicit has it. In a small shop several fits from different starts are added up,
    because each of them depends much on its start.

    Parameters
    ----------
    purchases
        Purchases before the target orders of the window.

    """

    def __init__(self, purchases: PurchaseMatrix) -> None:
        is_large = len(purchases.users) >= parameters.LARGE_SHOP
        bought = purchases.bought()
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

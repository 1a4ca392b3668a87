"""Simple ways to order a cart's candidates, which the model is compared with."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.data.arrays import Floats, Integers, Scores
from ml.data.reading import DataFolder
from ml.scoring.item_knn import SimilarProducts
from ml.scoring.popularity import AislePopularity
from ml.scoring.purchase_matrix import read_purchases
from ml.scoring.similar_shoppers import SimilarShoppers
from ml.tasks.next_in_cart.cart_candidates import CartCandidates, Feature

BASELINES = (
    "popularity",
    "aisle popularity",
    "personal recency",
    "co-occurrence",
    "personal + cosine",
    "user-kNN",
    "item-kNN",
)


@dataclass(frozen=True)
class ShopperScores:
    """What is known of every product, float32 [p], before anything lies in a shopper's cart."""

    aisle_popularity: Scores
    user_knn: Scores


class Baselines:
    """
    The baselines of one window.

    Parameters
    ----------
    data
        The exported folder.
    orders_back
        The window.
    products
        int64 [p], rising: its products.

    """

    def __init__(self, data: DataFolder, orders_back: int, products: Integers) -> None:
        targets = data.window_targets(orders_back)
        self._purchases = read_purchases(data.baskets(), targets, products)
        self._aisles = AislePopularity(data, orders_back)
        self._shoppers = SimilarShoppers(self._purchases)
        self._products = SimilarProducts(self._purchases)

    def of_shoppers(self, users: Integers) -> Iterator[ShopperScores]:
        """Score every product for each of these shoppers (int64, rising), in order."""
        for some in self._purchases.parts(users):
            similar = self._shoppers.scores(np.searchsorted(self._purchases.users, some))
            yield from map(ShopperScores, self._aisles.scores(some), similar)

    def scores(
        self, found: CartCandidates, cart: npt.NDArray[np.int64], shopper: ShopperScores
    ) -> dict[str, Floats]:
        """
        Score the candidates of one cart, float64 [n] for each of BASELINES.

        Where a baseline knows nothing, the popular products come first.
        """
        popularity = -found.column(Feature.POPULARITY_RANK).astype(np.float64)
        cosine = found.column(Feature.COSINE_SUM).astype(np.float64)
        recency = found.recency.astype(np.float64)
        behind = 1e-9 * popularity
        scores = (
            popularity,
            shopper.aisle_popularity[found.product] + behind,
            recency + behind,
            cosine + behind,
            recency + cosine + behind,
            shopper.user_knn[found.product] + behind,
            self._products.scores_of(cart)[found.product] + behind,
        )
        return dict(zip(BASELINES, scores, strict=True))

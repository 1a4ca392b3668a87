"""Simple ways to order a cart's candidates, which the model is compared with."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from ml.data.arrays import Floats, Integers
from ml.data.discovery_tables import Tables
from ml.scoring.baselines import AislePopularity, SimilarProducts
from ml.scoring.histories import read_histories
from ml.scoring.sources import Scores, SimilarShoppers
from ml.tasks.next_in_cart.cart_candidates import CartCandidates

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
    tables
        The exported tables.
    orders_back
        The window.
    products
        int64 [p], rising: its products.

    """

    def __init__(self, tables: Tables, orders_back: int, products: Integers) -> None:
        targets = tables.targets.filter(pl.col("orders_back") == orders_back)
        self._histories = read_histories(tables.baskets, targets, products)
        self._aisles = AislePopularity(tables, orders_back)
        self._shoppers = SimilarShoppers(self._histories)
        self._products = SimilarProducts(self._histories)

    def of_shoppers(self, users: Integers) -> Iterator[ShopperScores]:
        """Score every product for each of these shoppers (int64, rising), in order."""
        for some in self._histories.parts(users):
            similar = self._shoppers.scores(np.searchsorted(self._histories.users, some))
            yield from map(ShopperScores, self._aisles.scores(some), similar)

    def scores(
        self, found: CartCandidates, cart: npt.NDArray[np.int64], shopper: ShopperScores
    ) -> dict[str, Floats]:
        """
        Score the candidates of one cart, float64 [n] for each of BASELINES.

        Where a baseline knows nothing, the popular products come first.
        """
        popularity = -found.column("popularity_rank").astype(np.float64)
        cosine = found.column("cosine_sum").astype(np.float64)
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

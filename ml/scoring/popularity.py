"""Popularity within the aisles in which a shopper buys."""

import numpy as np

from ml.data.arrays import Integers, Scores
from ml.data.reading import DataFolder
from ml.data.users import of_users


class AislePopularity:
    """
    Popular products of the aisles in which a shopper buys.

    The lines that a shopper bought in the product's aisle, times the product's share of the aisle's
    buyers.

    Parameters
    ----------
    data
        The exported folder.
    orders_back
        The window; the columns of the scores are its products, p of them, by rising product_id.

    """

    def __init__(self, data: DataFolder, orders_back: int) -> None:
        products = data.table("product_ranks", orders_back).sort("product_id").collect()
        self._aisles, self._aisle = np.unique(products["aisle_id"].to_numpy(), return_inverse=True)
        buyers = products["prod_first_orders"].to_numpy().astype(np.float32)
        in_aisle = np.bincount(self._aisle, weights=buyers)[self._aisle].astype(np.float32)
        self._share = buyers / in_aisle
        self._lines = data.table("user_aisle_ranks", orders_back)

    def scores(self, users: Integers) -> Scores:
        """Give float32 [m, p] for shoppers (int64 [m], rising)."""
        lines = self._lines.filter(of_users(users)).collect()
        bought_there = np.zeros((len(users), len(self._aisles)), dtype=np.float32)
        bought_there[
            np.searchsorted(users, lines["user_id"].to_numpy()),
            np.searchsorted(self._aisles, lines["aisle_id"].to_numpy()),
        ] = lines["aisle_lines"].to_numpy()
        return np.asarray(bought_there[:, self._aisle] * self._share, dtype=np.float32)

"""Rankings of all a window's products that the models are compared with."""

import numpy as np
from implicit.nearest_neighbours import ItemItemRecommender

from ml.data.arrays import Floats, Integers
from ml.data.discovery_tables import Tables, of_users
from ml.scoring.histories import Histories
from ml.scoring.sources import Scores
from ml.tasks.discovery import parameters


class AislePopularity:
    """
    Popular products of the aisles in which a shopper buys.

    The lines that a shopper bought in the product's aisle, times the product's share of the aisle's
    buyers.

    Parameters
    ----------
    tables
        The exported tables.
    orders_back
        The window; the columns of the scores are its products, p of them, by rising product_id.

    """

    def __init__(self, tables: Tables, orders_back: int) -> None:
        products = tables.in_window(tables.products, orders_back).sort("product_id").collect()
        self._aisles, self._aisle = np.unique(products["aisle_id"].to_numpy(), return_inverse=True)
        buyers = products["prod_first_orders"].to_numpy().astype(np.float32)
        in_aisle = np.bincount(self._aisle, weights=buyers)[self._aisle].astype(np.float32)
        self._share = buyers / in_aisle
        self._lines = tables.in_window(tables.aisles, orders_back)

    def scores(self, users: Integers) -> Scores:
        """Give float32 [m, p] for shoppers (int64 [m], rising)."""
        lines = self._lines.filter(of_users(users)).collect()
        bought_there = np.zeros((len(users), len(self._aisles)), dtype=np.float32)
        bought_there[
            np.searchsorted(users, lines["user_id"].to_numpy()),
            np.searchsorted(self._aisles, lines["aisle_id"].to_numpy()),
        ] = lines["aisle_lines"].to_numpy()
        return np.asarray(bought_there[:, self._aisle] * self._share, dtype=np.float32)


class SimilarProducts:
    """
    Item-kNN: products bought by the same shoppers as some others.

    Two products are as similar as there are shoppers who bought both; each counts its
    ITEM_NEIGHBOURS most similar ones (Deshpande and Karypis, Item-based Top-N Recommendation
    Algorithms, TOIS 2004), as the library implicit has it. In small shops the cosine, which favours
    rare products, ranks far worse.

    Parameters
    ----------
    histories
        The histories of the window.

    """

    def __init__(self, histories: Histories) -> None:
        self._bought = histories.bought().astype(np.float64)  # what the library counts in
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

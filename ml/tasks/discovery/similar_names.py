"""How much a product's name is like those of what a shopper bought."""

import numpy as np
import polars as pl
from sklearn.feature_extraction.text import TfidfVectorizer

from ml.data.arrays import Integers, Scores
from ml.scoring.purchase_matrix import PurchaseMatrix
from ml.scoring.similar_shoppers import unit_rows


class SimilarNames:
    """
    How much a product's name resembles the names of what a shopper bought.

    Cosine of the words' TF-IDF (Salton and Buckley, Term-weighting Approaches in Automatic Text
    Retrieval, 1988), of a product's name and of all names in the history together, each once.
    Where no product has a name with a word in it, every score is 0.

    Parameters
    ----------
    purchases
        Purchases before the target orders of the window.
    names
        product_id, product_name: every product of the shop.

    """

    def __init__(self, purchases: PurchaseMatrix, names: pl.DataFrame) -> None:
        words = TfidfVectorizer(binary=True, dtype=np.float32)
        texts = names["product_name"].fill_null("")
        # a shop may sell by code, without a word
        self._says_nothing = not any(map(words.build_analyzer(), texts))
        if self._says_nothing:
            return
        words.fit(texts)
        own = pl.DataFrame({"product_id": purchases.products}).join(
            names, on="product_id", how="left", maintain_order="left"
        )
        self._names = words.transform(own["product_name"].fill_null(""))
        self._bought = purchases.bought()

    def scores_of(self, rows: Integers, row: Integers, column: Integers) -> Scores:
        """
        Score some pairs of shoppers and products.

        Parameters
        ----------
        rows
            int64 [m]: the shoppers' rows of the histories.
        row, column
            int64 [n]: of each pair the index in `rows`, and the product's column.

        Returns
        -------
        float32 [n]

        """
        if self._says_nothing:
            return np.zeros(len(column), dtype=np.float32)
        histories = unit_rows(self._bought[rows] @ self._names).toarray()
        words = self._names[column]
        pair = np.repeat(np.arange(len(column)), np.diff(words.indptr))
        parts = words.data * histories[row[pair], words.indices]
        return np.bincount(pair, parts, minlength=len(column)).astype(np.float32)

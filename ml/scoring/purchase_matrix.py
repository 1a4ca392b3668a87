"""What every shopper bought before the orders of a window, as a sparse matrix."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.sparse import csr_matrix

from ml.data.arrays import Integers
from ml.data.history import history
from ml.data.users import user_parts
from ml.scoring import parameters


@dataclass(frozen=True)
class PurchaseMatrix:
    """
    Purchases before the target orders of one window.

    Attributes
    ----------
    users
        int64 [m]: the shoppers with a target order, rising.
    products
        int64 [p]: the products of the window, rising.
    counts
        float32 [m, p]: in how many of the earlier orders of a shopper a product was.

    """

    users: Integers
    products: Integers
    counts: csr_matrix

    def bought(self) -> csr_matrix:
        """Give 1 for every product in a shopper's history, float32 [m, p]."""
        counts = self.counts
        return csr_matrix((np.ones_like(counts.data), counts.indices, counts.indptr), counts.shape)

    def parts(self, users: Integers) -> Iterator[Integers]:
        """
        Split shoppers, int64, into parts of which every product can be scored at a time.

        As many cells are taken where they are compared with the reference shoppers (user-kNN).
        """
        references = min(len(self.users), parameters.REFERENCE_SHOPPERS)
        size = max(parameters.CHUNK_CELLS // max(len(self.products), references, 1), 1)
        return (users[begin : begin + size] for begin in range(0, len(users), size))


def read_purchases(
    baskets: pl.LazyFrame, targets: pl.DataFrame, products: Integers
) -> PurchaseMatrix:
    """
    Count the orders of each shopper that hold a product, before the target order.

    Parameters
    ----------
    baskets
        Lines of every known order (user_id, order_number, product_id).
    targets
        The target orders of one window (user_id, order_number).
    products
        int64 [p], rising: at least every product of these histories.

    """
    users = np.sort(targets["user_id"].to_numpy())
    pairs = pl.concat(
        history(targets.lazy().filter(is_inside), baskets.filter(is_inside))
        .group_by("user_id", "product_id")
        .agg(orders=pl.len().cast(pl.Float32))
        .sort("user_id", "product_id")
        .collect(engine="streaming")
        for _some, is_inside in user_parts(users)
    )
    index = (
        np.searchsorted(users, pairs["user_id"].to_numpy()),
        np.searchsorted(products, pairs["product_id"].to_numpy()),
    )
    shape = (len(users), len(products))
    counts = csr_matrix((pairs["orders"].to_numpy(), index), shape=shape)
    return PurchaseMatrix(users, products, counts)

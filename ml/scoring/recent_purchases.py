"""What was bought in the days before a day: by everybody, and by similar shoppers."""

import numpy as np
import polars as pl
from scipy.sparse import csr_matrix

from ml.data.arrays import Integers, Scores
from ml.data.history import history
from ml.scoring import parameters
from ml.scoring.purchase_matrix import PurchaseMatrix


class RecentPurchases:
    """
    Purchases of the last days before a target order's day, where the shop has dates.

    A list is taken as made in the night before the order. An order that is still to come gets the
    day after the newest one. All purchases come from the histories of the window, as everywhere,
    and of these the ones before that day.

    Parameters
    ----------
    baskets
        Lines of every known order: user_id, order_number, product_id, ordered_at.
    targets
        The target orders of one window: user_id, order_number.
    purchases
        The purchases before them.
    references
        int64 [r], rising: rows of the shoppers whose purchases are looked at.

    """

    def __init__(
        self,
        baskets: pl.LazyFrame,
        targets: pl.DataFrame,
        purchases: PurchaseMatrix,
        references: Integers,
    ) -> None:
        dated = baskets.with_columns(day=pl.col("ordered_at").dt.date().cast(pl.Int32))
        newest = dated.select(pl.col("day").max()).collect(engine="streaming").item()
        self.has_days = newest is not None
        if not self.has_days:
            return
        key = ["user_id", "order_number"]
        days = targets.select(key).join(
            dated.join(targets.lazy(), on=key, how="semi")
            .group_by(key)
            .agg(pl.col("day").max())
            .collect(engine="streaming"),
            on=key,
            how="left",
        )
        self._day = days.sort("user_id")["day"].fill_null(newest + 1).to_numpy()
        users = purchases.users[references]
        lines = (
            history(targets.filter(pl.col("user_id").is_in(users)), dated)
            .select("user_id", "day", "product_id")
            .drop_nulls()
            .sort("user_id", "day", "product_id")
            .collect(engine="streaming")
        )
        # without a line every day is the first
        self._first: int = lines.select(pl.col("day").min().fill_null(newest)).item()
        self._days = newest + 2 - self._first
        since = np.asarray(lines["day"].to_numpy() - self._first, dtype=np.int64)
        self._column = np.searchsorted(purchases.products, lines["product_id"].to_numpy())
        # rises with the shopper and, of one shopper, with the day
        self._place = np.searchsorted(users, lines["user_id"].to_numpy()) * self._days + since
        shape = (self._days, len(purchases.products))
        ones = np.ones(len(since), dtype=np.float32)
        self._sold: csr_matrix = csr_matrix((ones, (since, self._column)), shape=shape)

    def neighbour_scores(self, rows: Integers, weights: csr_matrix) -> Scores:
        """
        Add up what shoppers bought in the last NEIGHBOUR_DAYS.

        Parameters
        ----------
        rows
            int64 [m]: rows of the shoppers to score for.
        weights
            float32 [m, r]: what each reference shopper counts for them.

        Returns
        -------
        float32 [m, p]

        """
        day = np.repeat(self._since(rows), np.diff(weights.indptr))
        place = weights.indices.astype(np.int64) * self._days
        begin = np.searchsorted(self._place, place + np.maximum(day - parameters.NEIGHBOUR_DAYS, 0))
        count = np.searchsorted(self._place, place + day) - begin
        ends = np.concatenate([[0], np.cumsum(count)])
        lines = np.arange(ends[-1]) + np.repeat(begin - ends[:-1], count)
        bought = csr_matrix(
            (np.repeat(weights.data, count), self._column[lines], ends[weights.indptr]),
            shape=(len(rows), self._sold.shape[1]),
        )
        scores: Scores = bought.toarray()
        return scores

    def shares(self, rows: Integers) -> Scores:
        """Give float32 [m, p]: each product's share of the lines of the last SHOP_DAYS."""
        day = self._since(rows)
        span = np.arange(1, parameters.SHOP_DAYS + 1)
        before = day[:, None] - span
        row, _ = np.nonzero(before >= 0)
        chosen = csr_matrix(
            (np.ones(len(row), dtype=np.float32), (row, before[before >= 0])),
            shape=(len(rows), self._days),
        )
        sold = (chosen @ self._sold).toarray()
        return np.asarray(sold / np.maximum(sold.sum(axis=1, keepdims=True), 1), dtype=np.float32)

    def _since(self, rows: Integers) -> Integers:
        """Give the days from the first line to the target order, 0 if that is older."""
        return np.asarray(np.maximum(self._day[rows] - self._first, 0), dtype=np.int64)

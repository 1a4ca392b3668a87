"""The candidates of one window with everything that is known about them."""

from collections.abc import Iterator

import numpy as np
import polars as pl

from ml.data.arrays import Booleans, Integers, Scores
from ml.data.reading import DataFolder
from ml.data.users import of_users
from ml.scoring.factors import Factors
from ml.scoring.purchase_matrix import PurchaseMatrix, read_purchases
from ml.scoring.recent_purchases import RecentPurchases
from ml.scoring.similar_shoppers import SimilarShoppers
from ml.tasks.discovery import parameters
from ml.tasks.discovery.similar_names import SimilarNames
from ml.tools.machine import cores
from ml.tools.prefetch import ahead

FEATURES = (
    "neighbour_score",
    "neighbour_share",
    "neighbour_rank",
    "recent_score",
    "recent_share",
    "recent_rank",
    "factor_score",
    "factor_share",
    "factor_rank",
    "together_score",
    "together_rank",
    "together_products",
    "popularity_rank",
    "aisle_rank",
    "prod_buyer_share",
    "prod_recent_share",
    "prod_rise",
    "prod_reorder_probability",
    "prod_reorder_ratio",
    "aisle_place",
    "aisle_lines",
    "aisle_line_share",
    "aisle_products",
    "aisle_repeats",
    "aisle_orders_since",
    "name_score",
    "organic_match",
)
_SOURCES = {
    "neighbour": "neighbour_score",
    "recent": "recent_score",
    "sold": "prod_recent_share",
    "factor": "factor_score",
}
"""The fitted sources, and the feature that each score is."""

# what can only speak for a product (1) or, being a rank, against it (-1)
DIRECTIONS = {
    "neighbour_score": 1,
    "neighbour_share": 1,
    "neighbour_rank": -1,
    "recent_score": 1,
    "recent_share": 1,
    "recent_rank": -1,
    "factor_score": 1,
    "factor_share": 1,
    "factor_rank": -1,
    "together_score": 1,
    "together_rank": -1,
    "popularity_rank": -1,
    "prod_buyer_share": 1,
    "prod_recent_share": 1,
    "name_score": 1,
}


class WindowCandidates:
    """
    The products that shoppers may discover with the target order of one window.

    A shopper's candidates are those of the dbt model discovery_candidates and the foremost ones of
    each fitted source, less everything in the shopper's history. All of it comes from histories
    that end before the target orders of the window.

    Parameters
    ----------
    data
        The exported folder.
    orders_back
        The window.

    """

    def __init__(self, data: DataFolder, orders_back: int) -> None:
        self.orders_back = orders_back
        self._data = data
        self._products = (
            data.table("product_ranks", orders_back)
            .with_columns(
                prod_reorder_probability=_ratio("prod_second_orders", "prod_first_orders"),
                prod_reorder_ratio=_ratio("prod_reorders", "prod_orders"),
            )
            .sort("product_id")
            .collect()
        )
        self.purchases: PurchaseMatrix = read_purchases(
            data.baskets(),
            data.window_targets(orders_back),
            self._products["product_id"].to_numpy(),
        )
        self.neighbours = SimilarShoppers(self.purchases)
        self.factors = Factors(self.purchases)
        self.recent = RecentPurchases(
            data.baskets(),
            data.window_targets(orders_back),
            self.purchases,
            self.neighbours.references,
        )
        self._names = SimilarNames(self.purchases, data.products())

    def chunks(self, users: Integers) -> Iterator["Chunk"]:
        """Score these shoppers of the window (int64, rising) some at a time, in order."""
        parts = self.purchases.parts(users)
        yield from ahead(self._chunk, parts, min(cores(), parameters.CHUNKS_AT_ONCE))

    def _chunk(self, users: Integers) -> "Chunk":
        purchases = self.purchases
        rows = np.searchsorted(purchases.users, users)
        is_own = purchases.counts[rows].toarray() > 0
        scores = self._source_scores(rows, is_own)
        is_candidate = np.zeros_like(is_own)
        for one in scores.values():
            is_candidate |= best(one, parameters.SOURCE_CANDIDATES)
        ranked = (
            self._data.table("discovery_candidates", self.orders_back)
            .filter(of_users(users))
            .collect()
        )
        is_candidate[
            np.searchsorted(users, ranked["user_id"].to_numpy()),
            np.searchsorted(purchases.products, ranked["product_id"].to_numpy()),
        ] = True
        row, column = np.nonzero(is_candidate & ~is_own)
        frame = pl.DataFrame(
            {
                "user_id": users[row],
                "product_id": purchases.products[column],
                **{name: _known(scores, source, row, column) for source, name in _SOURCES.items()},
                "name_score": self._names.scores_of(rows, row, column),
            },
            nan_to_null=True,
        )
        return Chunk(users, is_own, scores, self._joined(frame, ranked))

    def _source_scores(self, rows: Integers, is_own: Booleans) -> dict[str, Scores]:
        """Score every product for some shoppers, as Chunk has them."""
        weights = self.neighbours.weights(rows)
        scores = {"neighbour": self.neighbours.bought_by(weights)}
        if self.recent.has_days:
            scores["recent"] = self.recent.neighbour_scores(rows, weights)
            scores["sold"] = self.recent.shares(rows)
        # what nobody similar bought, or nobody lately, has 0
        for one in scores.values():
            one[is_own | (one <= 0)] = -np.inf
        scores["factor"] = self.factors.scores(rows)
        # of a shopper without a history nothing is known
        scores["factor"][is_own | ~is_own.any(axis=1, keepdims=True)] = -np.inf
        return scores

    def _joined(self, frame: pl.DataFrame, ranked: pl.DataFrame) -> pl.DataFrame:
        """Add what the marts know of the product, the shopper, and the shopper in the aisle."""
        is_listed = of_users(np.unique(frame["user_id"].to_numpy()))
        users = self._data.table("discovery_users", self.orders_back).filter(is_listed)
        aisles = self._data.table("user_aisle_ranks", self.orders_back).filter(is_listed)
        return (
            frame.lazy()
            .join(ranked.lazy(), on=["user_id", "product_id"], how="left", maintain_order="left")
            .join(self._products.lazy(), on="product_id", how="left", maintain_order="left")
            .join(users, on="user_id", how="left", maintain_order="left")
            .join(aisles, on=["user_id", "aisle_id"], how="left", maintain_order="left")
            .with_columns(
                *(
                    expression
                    for source in ("neighbour", "recent", "factor")
                    for expression in (
                        (
                            pl.col(f"{source}_score")
                            / pl.col(f"{source}_score").max().over("user_id")
                        ).alias(f"{source}_share"),
                        pl.col(f"{source}_score")
                        .rank("ordinal", descending=True)
                        .over("user_id")
                        .alias(f"{source}_rank"),
                    )
                ),
                # against its share of the lines of all days
                prod_rise=pl.col("prod_recent_share")
                * self._products["prod_orders"].sum()
                / pl.col("prod_orders"),
                aisle_line_share=_ratio("aisle_lines", "user_total_products"),
                aisle_repeats=_ratio("aisle_lines", "aisle_products"),
                # 1 where the shopper buys only organic products and this is one, or the contrary
                organic_match=1 - (pl.col("prod_is_organic") - pl.col("user_organic_ratio")).abs(),
                aisle_orders_since=pl.col("user_orders") - pl.col("aisle_last_order"),
            )
            .with_columns(pl.col(FEATURES).cast(pl.Float32))
            .collect()
        )


class Chunk:
    """
    Some shoppers of a window, m of them, and their candidates.

    Attributes
    ----------
    users
        int64 [m], rising.
    is_own
        bool [m, p]: the shopper bought the product before.
    scores
        float32 [m, p] of each fitted source: `neighbour` (user-kNN) and `factor`; in a shop with
        dates also `recent` (the neighbours' purchases of the last days) and `sold` (the shop's).
        -inf for the shopper's own products and where the source knows nothing.
    frame
        One row per candidate, sorted by user_id and product_id: FEATURES, aisle_id, department_id
        and together_with_product_id.

    """

    def __init__(
        self,
        users: Integers,
        is_own: Booleans,
        scores: dict[str, Scores],
        frame: pl.DataFrame,
    ) -> None:
        self.users = users
        self.is_own = is_own
        self.scores = scores
        self.frame = frame


def best(scores: Scores, count: int) -> Booleans:
    """Mark the `count` highest finite scores of each row; float32 [m, p] gives bool [m, p]."""
    marked = np.zeros(scores.shape, dtype=np.bool_)
    for row, own in zip(marked, scores, strict=True):
        # of what is known alone: most sources know few products of a shopper
        known = np.flatnonzero(own > -np.inf)
        if len(known) > count:
            known = known[np.argpartition(-own[known], count - 1)[:count]]
        row[known] = True
    return marked


def _known(scores: dict[str, Scores], source: str, row: Integers, column: Integers) -> Scores:
    """Give what a source says of some pairs, NaN where it says nothing."""
    if source not in scores:
        return np.full(len(row), np.nan, dtype=np.float32)
    found = scores[source][row, column]
    return np.where(np.isfinite(found), found, np.float32(np.nan))


def _ratio(numerator: str, denominator: str) -> pl.Expr:
    return pl.col(numerator) / pl.col(denominator)

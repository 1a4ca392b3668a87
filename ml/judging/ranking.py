"""Ranked lists of products and the next-basket (NBR) measures of them, order by order."""

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import polars as pl

from ml.data.arrays import Booleans, Floats, Integers

NO_PRODUCT = -1
"""Stands in a list where there are no more products."""


@dataclass(frozen=True)
class Truth:
    """
    What the m judged orders really held.

    Attributes
    ----------
    order
        int64 [lines], non-decreasing: index of the order, 0 to m - 1.
    product
        int64 [lines], rising within an order.
    is_repeat
        bool [lines]: whether the shopper had bought the product before.
    orders
        m.

    """

    order: Integers
    product: Integers
    is_repeat: Booleans
    orders: int


def whole_baskets(targets: pl.DataFrame, baskets: pl.LazyFrame) -> Truth:
    """
    Give every product of the judged orders, new ones too.

    Parameters
    ----------
    targets
        The judged orders (user_id, order_number); their indices are the rows.
    baskets
        Lines of every known order (user_id, order_number, product_id, reordered).

    """
    lines = (
        targets.lazy()
        .select("user_id", pl.col("order_number").cast(pl.Int64))
        .with_row_index("order")
        .join(baskets, on=["user_id", "order_number"])
        .sort("order", "product_id")
        .collect()
    )
    return Truth(
        order=lines["order"].cast(pl.Int64).to_numpy(),
        product=lines["product_id"].to_numpy(),
        is_repeat=(lines["reordered"] == 1).to_numpy(),
        orders=targets.height,
    )


def top_products(  # noqa: PLR0913 - rows, lists, and what is left out
    order: Integers,
    product: Integers,
    score: Floats,
    orders: int,
    length: int,
    *,
    above: float = 0.0,
) -> Integers:
    """
    List each order's products by falling score.

    Parameters
    ----------
    order, product, score
        [n]: rows with a score. Of equal scores the smaller product id comes first.
    orders
        Number of orders m; those without rows get an empty list.
    length
        Products per list.
    above
        Products whose score is not above this are left out.

    Returns
    -------
    int64 [m, length]
        Product ids, NO_PRODUCT at the end of short lists.

    """
    ranked = np.lexsort((product, -score, order))
    ranked = ranked[score[ranked] > above]
    first = np.searchsorted(order[ranked], np.arange(orders))
    rank = np.arange(len(ranked)) - first[order[ranked]]
    shown = rank < length
    top = np.full((orders, length), NO_PRODUCT, dtype=np.int64)
    top[order[ranked[shown]], rank[shown]] = product[ranked[shown]]
    return top


def top_columns(scores: Floats, product: Integers, length: int, *, above: float = 0.0) -> Integers:
    """
    List each row's products by falling score, as `top_products` does, from a table of scores.

    Parameters
    ----------
    scores
        float64 [m, p], p at least 1.
    product
        int64 [p]: product of each column.
    length
        Products per list.
    above
        Products whose score is not above this are left out.

    Returns
    -------
    int64 [m, length]

    """
    # only what reaches the last place of its list has to be sorted; of many equal scores the high
    # ones are found seven times faster as the low ones of their negatives
    last = min(length, scores.shape[1]) - 1
    least = -np.partition(-scores, last, axis=1)[:, [last]]
    row, column = np.nonzero((scores >= least) & (scores > above))
    found = scores[row, column]
    return top_products(row, product[column], found, len(scores), length, above=above)


@dataclass(frozen=True)
class RankingMeasures:
    """
    Measures of one predictor's lists, each float64 [m]; NaN where one does not apply.

    Attributes
    ----------
    recall_10, recall_20
        Share of the basket among the first 10 or 20.
    ndcg_10
        Discounted gain of the first 10 over that of the best list of min(10, basket) hits.
    ndcg_10_full
        The same over the best list of as many hits as the basket has products.
    hit_10
        1 if any of the first 10 is in the basket: its mean is PHR@10.
    recall_10_repeat, recall_10_explore
        recall_10 of the products bought before and of the new ones; NaN in orders without any.

    """

    recall_10: Floats
    recall_20: Floats
    ndcg_10: Floats
    ndcg_10_full: Floats
    hit_10: Floats
    recall_10_repeat: Floats
    recall_10_explore: Floats

    def means(self) -> dict[str, float]:
        """Average each over the orders it applies to; NaN if there is none."""
        return {name: _mean(getattr(self, name)) for name in (one.name for one in fields(self))}


def measure_lists(top: Integers, truth: Truth) -> RankingMeasures:
    """
    Measure lists against whole baskets.

    Definitions as in Li et al., A Next Basket Recommendation Reality Check (ACM TOIS 2023),
    section 4.

    Parameters
    ----------
    top
        int64 [m, at least 20]: the lists, from `top_products`.
    truth
        The baskets of the same m orders; an order without lines counts 0 everywhere.

    """
    short, long = 10, 20
    is_hit, is_repeat_hit = _hits(top, truth)
    sizes = np.bincount(truth.order, minlength=truth.orders)
    repeats = np.bincount(truth.order[truth.is_repeat], minlength=truth.orders)
    discount = 1 / np.log2(np.arange(2, max(sizes.max(initial=1), short) + 2))
    best = np.concatenate([[0.0], np.cumsum(discount)])
    gain = (is_hit[:, :short] * discount[:short]).sum(axis=1)
    hits = is_hit[:, :short].sum(axis=1)
    repeat_hits = is_repeat_hit[:, :short].sum(axis=1)
    return RankingMeasures(
        recall_10=_share(hits, sizes, empty=0.0),
        recall_20=_share(is_hit[:, :long].sum(axis=1), sizes, empty=0.0),
        ndcg_10=_share(gain, best[np.minimum(sizes, short)], empty=0.0),
        ndcg_10_full=_share(gain, best[sizes], empty=0.0),
        hit_10=(hits > 0).astype(np.float64),
        recall_10_repeat=_share(repeat_hits, repeats, empty=np.nan),
        recall_10_explore=_share(hits - repeat_hits, sizes - repeats, empty=np.nan),
    )


def _hits(top: Integers, truth: Truth) -> tuple[Booleans, Booleans]:
    span = max(int(truth.product.max(initial=0)), int(top.max(initial=0))) + 2
    # one number for each pair of order and product; NO_PRODUCT gives one that no line has
    bought = truth.order * span + truth.product + 1
    listed = np.arange(len(top))[:, None] * span + top + 1
    index = np.minimum(np.searchsorted(bought, listed), max(len(bought) - 1, 0))
    if not len(bought):
        nothing = np.zeros(top.shape, dtype=np.bool_)
        return nothing, nothing
    is_hit = (bought[index] == listed) & (top != NO_PRODUCT)
    return is_hit, is_hit & truth.is_repeat[index]


def _share(
    part: npt.NDArray[np.float64] | Integers,
    whole: npt.NDArray[np.float64] | Integers,
    *,
    empty: float,
) -> Floats:
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1), empty)


def _mean(values: Floats) -> float:
    there = values[~np.isnan(values)]
    return float(there.mean()) if len(there) else float("nan")

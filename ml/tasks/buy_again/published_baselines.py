"""TIFU-KNN and UP-CF: published predictors from a shopper's history and those of similar ones."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy import sparse

from ml.data.arrays import Floats, Integers
from ml.data.history import history
from ml.data.users import user_parts
from ml.fitting.folds import hold_out
from ml.tools.machine import cores
from ml.tools.prefetch import ahead

GROUP_ORDERS = 3
GROUP_DECAY = 0.7
ORDER_DECAY = 0.9
NEIGHBOURS = 900
OWN_WEIGHT = 0.9
"""TIFU-KNN's five parameters, as Li et al. (A Next Basket Recommendation Reality Check, TOIS 2023)
give them for Instacart's data."""

RECENT_ORDERS = 10
ASYMMETRY = 0.75
LOCALITY = 100
"""UP-CF's three parameters, from the same place."""

MOST_NEIGHBOURS_LOOKED_AT = 5_000
SHOPPERS_SCORED_AT_ONCE = 64


@dataclass(frozen=True)
class Profiles:
    """
    A weight for each shopper and product.

    Attributes
    ----------
    weights
        CSR float64 [shoppers, products]; every product of a shopper's history is stored, also with
        a weight of 0.
    user_id
        int64 [shoppers], rising.
    product_id
        int64 [products], rising.

    """

    weights: sparse.csr_array
    user_id: Integers
    product_id: Integers


def tifu_profiles(targets: pl.DataFrame, baskets: pl.LazyFrame) -> Profiles:
    """
    Weigh a shopper's purchases by how many orders and groups of orders ago they were.

    Hu, He, Gao and Zhang, Modeling Personalized Item Frequency Information for Next-basket
    Recommendation (SIGIR 2020).

    Parameters
    ----------
    targets
        The orders to predict of one window (user_id, order_number).
    baskets
        Lines of every known order; only those before the target are read.

    """
    orders, ago = pl.col("target_order_number") - 1, pl.col("orders_ago")
    groups = (orders + GROUP_ORDERS - 1) // GROUP_ORDERS
    group = ago // GROUP_ORDERS
    # groups are counted back from the newest order, so that only the oldest one may be smaller
    size = (
        pl.when(group == groups - 1)
        .then(orders - GROUP_ORDERS * (groups - 1))
        .otherwise(GROUP_ORDERS)
    )
    weight = ORDER_DECAY ** (ago % GROUP_ORDERS) / size * GROUP_DECAY**group / groups
    return _profiles(targets, baskets, weight)


def popularity_profiles(targets: pl.DataFrame, baskets: pl.LazyFrame) -> Profiles:
    """
    Give the share of a shopper's recent orders that hold a product.

    Faggioli, Polato and Aiolli, Recency Aware Collaborative Filtering for Next Basket
    Recommendation (UMAP 2020): orders among the newest r that hold the product, divided by r or by
    the number of orders if there are fewer. Parameters as in `tifu_profiles`.
    """
    share = 1 / pl.min_horizontal(pl.col("target_order_number") - 1, pl.lit(RECENT_ORDERS))
    weight = pl.when(pl.col("orders_ago") < RECENT_ORDERS).then(share).otherwise(0.0)
    return _profiles(targets, baskets, weight)


def tifu_scores(profiles: Profiles) -> Iterator[tuple[slice, Floats]]:
    """
    Blend a shopper's own weights with the mean of the nearest others', some shoppers at a time.

    Yields
    ------
    slice, float64 [shoppers of the slice, products]

    """
    pool = _pool(profiles)
    others = profiles.weights[pool]
    norms = (others * others).sum(axis=1)

    def blend(part: slice) -> tuple[slice, Floats]:
        own = profiles.weights[part]
        closeness = 2 * (own @ others.T).toarray() - norms
        closeness[pool == np.arange(part.start, part.stop)[:, None]] = -np.inf
        count = min(NEIGHBOURS, len(pool) - 1)
        nearest = np.zeros(closeness.shape)
        if count:
            chosen = np.argpartition(-closeness, count - 1, axis=1)[:, :count]
            np.put_along_axis(nearest, chosen, 1 / count, axis=1)
        mean = (sparse.csr_array(nearest) @ others).toarray()
        return part, OWN_WEIGHT * own.toarray() + (1 - OWN_WEIGHT) * mean

    yield from ahead(blend, _parts(profiles), cores())


def up_cf_scores(profiles: Profiles) -> Iterator[tuple[slice, Floats]]:
    """
    Sum everybody's recent shares, weighted by a power of their asymmetric cosine to the shopper.

    With A and B the products that two shoppers ever bought, that cosine is
    |A and B| / (|A|^ASYMMETRY |B|^(1 - ASYMMETRY)); its LOCALITY-th power is the weight. From the
    paper named at `popularity_profiles`. Yields as `tifu_scores`.
    """
    pool = _pool(profiles)
    others = profiles.weights[pool]
    bought = profiles.weights.copy()
    bought.data = np.ones_like(bought.data)
    counts = np.diff(bought.indptr).astype(np.float64)
    others_bought = bought[pool].T

    def add_up(part: slice) -> tuple[slice, Floats]:
        scale = counts[part, None] ** ASYMMETRY * counts[pool] ** (1 - ASYMMETRY)
        alike = (bought[part] @ others_bought).toarray() / scale
        alike[pool == np.arange(part.start, part.stop)[:, None]] = 0
        weights = sparse.csr_array(alike**LOCALITY)
        # a shopper is as similar as can be to themself, also where the pool does not hold them
        return part, (weights @ others).toarray() + profiles.weights[part].toarray()

    yield from ahead(add_up, _parts(profiles), cores())


def _profiles(targets: pl.DataFrame, baskets: pl.LazyFrame, weight: pl.Expr) -> Profiles:
    pairs = pl.concat(
        history(targets.filter(is_inside), baskets.filter(is_inside))
        .with_columns(weight=weight)
        # sorted, so that sums are added in one order and have the same bits in every run
        .sort("user_id", "product_id", "orders_ago")
        .group_by("user_id", "product_id", maintain_order=True)
        .agg(pl.col("weight").sum())
        .collect()
        for _some, is_inside in user_parts(np.unique(targets["user_id"].to_numpy()))
    )
    user_id, row = np.unique(pairs["user_id"].to_numpy(), return_inverse=True)
    product_id, column = np.unique(pairs["product_id"].to_numpy(), return_inverse=True)
    shape = (len(user_id), len(product_id))
    weights = sparse.csr_array((pairs["weight"].to_numpy(), (row, column)), shape=shape)
    return Profiles(weights, user_id, product_id)


def _pool(profiles: Profiles) -> Integers:
    """Choose whom to look for neighbours among: everybody, or of very many an even share."""
    places = np.arange(len(profiles.user_id))
    if len(places) <= MOST_NEIGHBOURS_LOOKED_AT:
        return places
    return np.sort(hold_out(places + 1, MOST_NEIGHBOURS_LOOKED_AT / len(places))) - 1


def _parts(profiles: Profiles) -> Iterator[slice]:
    shoppers = len(profiles.user_id)
    for begin in range(0, shoppers, SHOPPERS_SCORED_AT_ONCE):
        yield slice(begin, min(begin + SHOPPERS_SCORED_AT_ONCE, shoppers))

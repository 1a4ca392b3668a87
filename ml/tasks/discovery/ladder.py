"""Every way to rank new products, on the same shoppers, and whether the model is better."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from ml.data.arrays import Integers
from ml.data.discovery_tables import Tables
from ml.judging.comparison import Comparison
from ml.judging.metrics import Interval, bootstrap
from ml.judging.ranking import NO_PRODUCT, top_columns
from ml.scoring.baselines import AislePopularity, SimilarProducts
from ml.scoring.sources import Scores
from ml.tasks.discovery import parameters
from ml.tasks.discovery.candidates import Chunk, WindowCandidates
from ml.tasks.discovery.measures import MEASURES, novel_measures
from ml.tools.progress import step

if TYPE_CHECKING:
    from collections.abc import Callable

TOP = 10  # places that coverage and popularity look at


@dataclass(frozen=True)
class Rung:
    """One ranking: its measures, the share of products it shows, and how popular they are."""

    name: str
    measures: dict[str, Interval]
    coverage: float
    popularity: float


@dataclass(frozen=True)
class Ladder:
    """
    Protocol Novel on one window.

    Attributes
    ----------
    protocol
        Its name.
    window
        orders_back of the orders judged.
    shoppers
        Those with a known target order that holds something new.
    unknown_share
        Part of the new products that nobody had bought before: no list can hold them.
    resamples
        Resamples of the bootstrap.
    rungs
        The baselines, then the model. `coverage` is the share of the window's products in any
        shopper's first ten, `popularity` the mean share of shoppers who had bought those.
    comparisons
        The model against each baseline, for each measure.

    """

    protocol: str
    window: int
    shoppers: int
    unknown_share: float
    resamples: int
    rungs: list[Rung]
    comparisons: list[Comparison]


@dataclass(frozen=True)
class NovelTruth:
    """The shoppers judged (int64 [m], rising) and their new products, sorted by user_id."""

    users: Integers
    products: pl.DataFrame
    counts: Integers


def novel_truth(tables: Tables, window: int) -> NovelTruth:
    """Find the first-time purchases of the sampled shoppers' known target orders of a window."""
    targets = tables.targets.filter(
        (pl.col("orders_back") == window) & pl.col("is_known") & pl.col("is_sampled")
    )
    products = (
        tables.baskets.join(targets.lazy().select("user_id"), on="user_id", how="semi")
        .group_by("user_id", "product_id")
        .agg(order_number=pl.col("order_number").min())
        .join(targets.lazy(), on=["user_id", "order_number"], how="semi")
        .select("user_id", "product_id")
        .sort("user_id", "product_id")
        .collect()
    )
    counts = products.group_by("user_id", maintain_order=True).len()
    return NovelTruth(
        counts["user_id"].to_numpy(), products, counts["len"].to_numpy().astype(np.int64)
    )


def climb(
    tables: Tables, window: WindowCandidates, truth: NovelTruth, listed: pl.DataFrame
) -> Ladder:
    """
    Judge the baselines and the model's out-of-fold lists.

    Every baseline ranks all products of the window that the shopper had not bought, without a cap
    per aisle.

    Parameters
    ----------
    tables
        The exported tables.
    window
        The window judged.
    truth
        What was bought for the first time.
    listed
        The model's lists: user_id, rank, product_id.

    """
    products = window.histories.products
    with step("baselines"):
        lists = _baseline_lists(tables, window, truth.users)
    lists["model"] = _places(listed, truth.users, products)
    # the last column stands for NO_PRODUCT, which is nothing new
    is_new = np.zeros((len(truth.users), len(products) + 1), dtype=np.bool_)
    bought = truth.products["product_id"].to_numpy()
    column = np.searchsorted(products, bought)
    is_there = products[np.minimum(column, len(products) - 1)] == bought
    row = np.searchsorted(truth.users, truth.products["user_id"].to_numpy())
    is_new[row[is_there], column[is_there]] = True
    values = {
        name: novel_measures(np.take_along_axis(is_new, places, axis=1), truth.counts)
        for name, places in lists.items()
    }
    with step("bootstrap"):
        names = list(values)
        table = np.hstack(
            [values[name] for name in names]
            + [values["model"] - values[name] for name in names[:-1]]
        )
        intervals = iter(bootstrap(table, parameters.RESAMPLES, parameters.SEED))
    buyers = np.asarray((window.histories.counts > 0).sum(axis=0)).ravel()
    share = buyers / len(window.histories.users)
    rungs = []
    for name in names:
        top = lists[name][:, :TOP]
        shown = top[top != NO_PRODUCT]
        rungs.append(
            Rung(
                name,
                {measure: next(intervals) for measure in MEASURES},
                len(np.unique(shown)) / len(products),
                float(share[shown].mean()) if len(shown) else 0.0,
            )
        )
    comparisons = []
    for name in names[:-1]:
        for measure in MEASURES:
            difference = next(intervals)
            comparisons.append(Comparison(name, measure, difference))
    return Ladder(
        protocol="Novel",
        window=window.orders_back,
        shoppers=len(truth.users),
        unknown_share=float(1 - is_there.mean()),
        resamples=parameters.RESAMPLES,
        rungs=rungs,
        comparisons=comparisons,
    )


def _baseline_lists(
    tables: Tables, window: WindowCandidates, users: Integers
) -> dict[str, Integers]:
    """Give int64 [m, LISTED] per baseline: columns of the histories, NO_PRODUCT at the end."""
    item_knn = SimilarProducts(window.histories)
    aisles = AislePopularity(tables, window.orders_back)
    products = tables.in_window(tables.products, window.orders_back).sort("product_id").collect()
    popularity = -products["popularity_rank"].to_numpy().astype(np.float32)

    def together(chunk: Chunk) -> Scores:
        # behind the products bought together, the popular ones
        scores = np.tile(popularity, (len(chunk.users), 1))
        known = chunk.frame.filter(pl.col("together_score").is_not_null())
        scores[
            np.searchsorted(chunk.users, known["user_id"].to_numpy()),
            np.searchsorted(window.histories.products, known["product_id"].to_numpy()),
        ] = known["together_score"].to_numpy()
        return scores

    def rows(chunk: Chunk) -> Integers:
        return np.searchsorted(window.histories.users, chunk.users)

    baselines: dict[str, Callable[[Chunk], Scores]] = {
        "popularity": lambda chunk: np.tile(popularity, (len(chunk.users), 1)),
        "aisle popularity": lambda chunk: aisles.scores(chunk.users),
        "co-occurrence": together,
        "user-kNN": lambda chunk: chunk.neighbour_scores,
        "item-kNN": lambda chunk: item_knn.scores(rows(chunk)),
        "factors (iALS)": lambda chunk: chunk.factor_scores,
    }
    columns = np.arange(len(window.histories.products))
    lists: dict[str, list[Integers]] = {name: [] for name in baselines}
    for chunk in window.chunks(users):
        for name, score in baselines.items():
            scores = np.where(chunk.is_own, -np.inf, score(chunk))
            lists[name].append(top_columns(scores, columns, parameters.LISTED, above=-np.inf))
    return {name: np.vstack(parts) for name, parts in lists.items()}


def _places(listed: pl.DataFrame, users: Integers, products: Integers) -> Integers:
    listed = listed.filter(pl.col("user_id").is_in(users))
    places = np.full((len(users), parameters.LISTED), NO_PRODUCT)
    places[np.searchsorted(users, listed["user_id"].to_numpy()), listed["rank"].to_numpy() - 1] = (
        np.searchsorted(products, listed["product_id"].to_numpy())
    )
    return places

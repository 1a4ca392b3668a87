"""The ladder of discovery: every way to rank new products, on the same shoppers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from ml.data.arrays import Booleans, Floats, Integers, Scores
from ml.data.reading import DataFolder
from ml.judging.comparison import Comparison, verdicts
from ml.judging.ladder import Ladder, Rung
from ml.judging.metrics import bootstrap
from ml.judging.ranking import NO_PRODUCT, top_columns
from ml.scoring.item_knn import SimilarProducts
from ml.scoring.popularity import AislePopularity
from ml.tasks.discovery import parameters
from ml.tasks.discovery.candidates import Chunk, WindowCandidates
from ml.tasks.discovery.measures import MEASURES, novel_measures
from ml.tasks.discovery.recommend import recommend
from ml.tools.progress import step

if TYPE_CHECKING:
    from collections.abc import Callable

MODEL = "model"
TOP = 10  # places that the figures look at


@dataclass(frozen=True)
class NovelTruth:
    """The shoppers judged (int64 [m], rising) and their new products, sorted by user_id."""

    users: Integers
    products: pl.DataFrame
    counts: Integers


def novel_truth(data: DataFolder, window: int) -> NovelTruth:
    """Find the first-time purchases of the sampled shoppers' known target orders of a window."""
    targets = data.sampled_targets().filter(pl.col("orders_back") == window)
    products = (
        data.baskets()
        .join(targets.lazy().select("user_id"), on="user_id", how="semi")
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


@dataclass(frozen=True)
class JudgedWindow:
    """
    What the lists of one window are held against, for m shoppers and p products.

    Attributes
    ----------
    orders_back
        The window.
    truth
        What was bought for the first time.
    products
        int64 [p], rising: the products of the window.
    buyer_share
        float64 [p]: the share of all shoppers who had bought each.
    aisle
        int64 [p]: the aisle of each, numbered from 0.
    is_own_aisle
        bool [m, aisles]: whether the shopper had bought there.
    lists
        int64 [m, LISTED] for each baseline: indices of products, NO_PRODUCT at the end.

    """

    orders_back: int
    truth: NovelTruth
    products: Integers
    buyer_share: Floats
    aisle: Integers
    is_own_aisle: Booleans
    lists: dict[str, Integers]


def judge_window(data: DataFolder, window: WindowCandidates) -> JudgedWindow:
    """
    Find what a window's shoppers bought for the first time, and make the baselines' lists.

    Every baseline ranks all products of the window that the shopper had not bought, without a cap
    per aisle.
    """
    purchases = window.purchases
    truth = novel_truth(data, window.orders_back)
    with step(f"baselines of window {window.orders_back}"):
        lists = _baseline_lists(data, window, truth.users)
    bought = purchases.bought()
    ranks = data.table("product_ranks", window.orders_back).sort("product_id").collect()
    _ids, aisle = np.unique(ranks["aisle_id"].to_numpy(), return_inverse=True)
    rows, columns = bought[np.searchsorted(purchases.users, truth.users)].nonzero()
    is_own_aisle = np.zeros((len(truth.users), len(_ids)), dtype=np.bool_)
    is_own_aisle[rows, aisle[columns]] = True
    return JudgedWindow(
        window.orders_back,
        truth,
        purchases.products,
        ranks["prod_buyer_share"].to_numpy(),
        aisle,
        is_own_aisle,
        lists,
    )


def model_lists(candidates: pl.DataFrame, orders_back: int) -> dict[str, pl.DataFrame]:
    """
    Make the model's lists of a window, plain and with each setting of `explore` that is judged.

    Parameters
    ----------
    candidates
        As `recommend` takes them.
    orders_back
        The window, a column of the lists.

    """
    named = {MODEL: 0.0} | {f"{MODEL}, explore {one}": one for one in parameters.EXPLORED}
    return {
        name: recommend(candidates, explore=one).with_columns(
            orders_back=pl.lit(orders_back, pl.Int32)
        )
        for name, one in named.items()
    }


def evaluate_lists(
    windows: Sequence[JudgedWindow], listed: Sequence[Mapping[str, pl.DataFrame]]
) -> Ladder:
    """
    Judge the baselines and the model's out-of-fold lists by protocol Novel.

    The ladder is that of the newest window; where there are several, `pooled` is that of all of
    them: means over all orders, intervals that resample shoppers with all their orders.

    A rung's figures are coverage, the share of the window's products in any shopper's first ten;
    popularity, the mean share of shoppers who had bought those; aisles, how many a first ten is of;
    and new_aisles, the share of the first tens that is of aisles in which the shopper never bought.
    Over several windows they are means. The ladder's figure unknown_share is the part of the new
    products that nobody had bought before, so that no list can hold them.

    Parameters
    ----------
    windows
        The windows judged, the newest first.
    listed
        For each window the model's lists, as `model_lists` gives them.

    """
    found = [_lists_found(*one) for one in zip(windows, listed, strict=True)]
    newest = _ladder(found[:1])
    if len(found) == 1:
        return newest
    pooled = _ladder(found)
    together = [f"{len(found)} windows together, {one}" for one in pooled.verdicts]
    return replace(newest, pooled=pooled, verdicts=newest.verdicts + together)


@dataclass(frozen=True)
class _Found:
    """What each predictor's lists of a window hold: measures, and figures of the first tens."""

    window: JudgedWindow
    values: dict[str, Floats]
    figures: dict[str, dict[str, float]]
    unknown: int


def _lists_found(window: JudgedWindow, listed: Mapping[str, pl.DataFrame]) -> _Found:
    truth, products = window.truth, window.products
    lists = window.lists | {
        name: _indices(one, truth.users, products) for name, one in listed.items()
    }
    is_new, unknown = _new_products(truth, products)
    values = {
        name: novel_measures(np.take_along_axis(is_new, indices, axis=1), truth.counts)
        for name, indices in lists.items()
    }
    figures = {name: _figures(window, indices[:, :TOP]) for name, indices in lists.items()}
    return _Found(window, values, figures, unknown)


def _figures(window: JudgedWindow, top: Integers) -> dict[str, float]:
    """Describe the first places of every list, int64 [m, TOP]."""
    row, place = np.nonzero(top != NO_PRODUCT)
    shown = top[row, place]
    aisle = window.aisle[shown]
    aisles = len(np.unique(np.stack([row, aisle]), axis=1).T)
    return {
        "coverage": len(np.unique(shown)) / len(window.products),
        "popularity": float(window.buyer_share[shown].mean()) if len(shown) else 0.0,
        "aisles": aisles / max(len(top), 1),
        "new_aisles": float((~window.is_own_aisle[row, aisle]).mean()) if len(shown) else 0.0,
    }


def _new_products(truth: NovelTruth, products: Integers) -> tuple[Booleans, int]:
    """Mark each shopper's new products, bool [m, p + 1], and count those that nobody knew."""
    # the last column stands for NO_PRODUCT, which is nothing new
    is_new = np.zeros((len(truth.users), len(products) + 1), dtype=np.bool_)
    bought = truth.products["product_id"].to_numpy()
    column = np.searchsorted(products, bought)
    is_there = products[np.minimum(column, len(products) - 1)] == bought
    row = np.searchsorted(truth.users, truth.products["user_id"].to_numpy())
    is_new[row[is_there], column[is_there]] = True
    return is_new, int((~is_there).sum())


def _ladder(found: Sequence[_Found]) -> Ladder:
    """Hold the model against each baseline on all orders of some windows."""
    values = {name: np.concatenate([one.values[name] for one in found]) for name in found[0].values}
    shoppers = np.concatenate([one.window.truth.users for one in found])
    baselines = list(found[0].window.lists)
    with step("bootstrap"):
        table = np.hstack([*values.values(), *(values[MODEL] - values[name] for name in baselines)])
        intervals = iter(bootstrap(table, parameters.RESAMPLES, parameters.SEED, clusters=shoppers))
    rungs = [
        Rung(
            name=name,
            is_model=name == MODEL,
            measures={measure: next(intervals) for measure in MEASURES},
            figures={
                figure: float(np.mean([one.figures[name][figure] for one in found]))
                for figure in found[0].figures[name]
            },
        )
        for name in values
    ]
    comparisons = [
        Comparison(name, measure, next(intervals)) for name in baselines for measure in MEASURES
    ]
    new_products = sum(one.window.truth.products.height for one in found)
    return Ladder(
        protocol="Novel",
        window=found[0].window.orders_back,
        judged={
            "shoppers": len(np.unique(shoppers)),
            "orders": len(shoppers),
            "windows": len(found),
        },
        figures={"unknown_share": sum(one.unknown for one in found) / new_products},
        resamples=parameters.RESAMPLES,
        rungs=rungs,
        comparisons=comparisons,
        verdicts=verdicts(comparisons),
    )


def _baseline_lists(
    data: DataFolder, window: WindowCandidates, users: Integers
) -> dict[str, Integers]:
    """Give int64 [m, LISTED] per baseline: columns of the purchases, NO_PRODUCT at the end."""
    item_knn = SimilarProducts(window.purchases)
    aisles = AislePopularity(data, window.orders_back)
    products = data.table("product_ranks", window.orders_back).sort("product_id").collect()
    popularity = -products["popularity_rank"].to_numpy().astype(np.float32)

    def together(chunk: Chunk) -> Scores:
        # behind the products bought together, the popular ones
        scores = np.tile(popularity, (len(chunk.users), 1))
        known = chunk.frame.filter(pl.col("together_score").is_not_null())
        scores[
            np.searchsorted(chunk.users, known["user_id"].to_numpy()),
            np.searchsorted(window.purchases.products, known["product_id"].to_numpy()),
        ] = known["together_score"].to_numpy()
        return scores

    def rows(chunk: Chunk) -> Integers:
        return np.searchsorted(window.purchases.users, chunk.users)

    baselines: dict[str, Callable[[Chunk], Scores]] = {
        "popularity": lambda chunk: np.tile(popularity, (len(chunk.users), 1)),
        "aisle popularity": lambda chunk: aisles.scores(chunk.users),
        "co-occurrence": together,
        "user-kNN": lambda chunk: chunk.scores["neighbour"],
        "item-kNN": lambda chunk: item_knn.scores(rows(chunk)),
        "factors (iALS)": lambda chunk: chunk.scores["factor"],
    }
    if window.recent.has_days:
        baselines |= {
            "popularity, last 7 days": lambda chunk: chunk.scores["sold"],
            "user-kNN, last 14 days": lambda chunk: chunk.scores["recent"],
        }
    columns = np.arange(len(window.purchases.products))
    lists: dict[str, list[Integers]] = {name: [] for name in baselines}
    for chunk in window.chunks(users):
        for name, score in baselines.items():
            scores = np.where(chunk.is_own, -np.inf, score(chunk))
            lists[name].append(top_columns(scores, columns, parameters.LISTED, above=-np.inf))
    return {name: np.vstack(parts) for name, parts in lists.items()}


def _indices(listed: pl.DataFrame, users: Integers, products: Integers) -> Integers:
    listed = listed.filter(pl.col("user_id").is_in(users))
    indices = np.full((len(users), parameters.LISTED), NO_PRODUCT)
    indices[np.searchsorted(users, listed["user_id"].to_numpy()), listed["rank"].to_numpy() - 1] = (
        np.searchsorted(products, listed["product_id"].to_numpy())
    )
    return indices

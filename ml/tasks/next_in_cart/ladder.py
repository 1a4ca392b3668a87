"""Protocol PN: every step of a known order, how each ranking does there, and who is better."""

import time
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import polars as pl

from ml.data.arrays import Floats, Integers
from ml.data.discovery_tables import Tables
from ml.judging.comparison import Comparison
from ml.judging.metrics import Interval, bootstrap
from ml.tasks.next_in_cart import parameters
from ml.tasks.next_in_cart.baselines import BASELINES, Baselines
from ml.tasks.next_in_cart.cart_candidates import CandidateFinder
from ml.tasks.next_in_cart.ranker import Order, cart_of, is_own, rank
from ml.tasks.next_in_cart.state import State
from ml.tools.progress import counted_step, step

MEASURES = (
    "HR@10",
    "HR@20",
    "MRR@10",
    "repeat HR@10",
    "explore HR@10",
    "explore HR@10, new only",
)
TOP = 10
_IDS = ("user_id", "position", "product_id")


@dataclass(frozen=True)
class Rung:
    """One ranking and its measures over all steps."""

    name: str
    measures: dict[str, Interval]


@dataclass(frozen=True)
class Ladder:
    """
    Protocol PN on one window.

    Attributes
    ----------
    protocol
        Its name.
    window
        orders_back of the orders judged.
    orders, steps
        How many were judged: orders of 4 products or more, and steps with 3 or more in the cart.
    repeat_share
        Part of the steps at which a product was bought again.
    coverage, popularity
        Of the model's first ten: share of the window's products that any holds, and the mean share
        of shoppers who had bought them.
    milliseconds
        p50 and p90 of one answer in this process.
    resamples
        Resamples of the bootstrap, by order.
    rungs, comparisons
        The rankings, and the model against each baseline; none if there is no step to judge.

    """

    protocol: str
    window: int
    orders: int
    steps: int
    repeat_share: float
    coverage: float
    popularity: float
    milliseconds: tuple[float, float]
    resamples: int
    rungs: list[Rung]
    comparisons: list[Comparison]


def climb(  # noqa: PLR0913, PLR0917 - what a window is judged with
    tables: Tables,
    state: State,
    window: int,
    orders: list[Order],
    fold: Integers,
    rankers: list[lgb.Booster],
) -> tuple[Ladder, pl.DataFrame]:
    """
    Judge the baselines and the model, each shopper by the ranker of the fold that holds it out.

    All rankings order the same candidates, which hold the shopper's own products, what is popular,
    and neighbours of the cart.

    Parameters
    ----------
    tables
        The exported tables.
    state
        The judged window, with out-of-fold scores of buy-again and discovery in it.
    window
        Its orders_back.
    orders
        Its known orders.
    fold
        int64 [orders]: the fold of each order's shopper.
    rankers
        The ranker of each fold.

    Returns
    -------
    Ladder
        The figures.
    polars.DataFrame
        What the model said out of fold at each step: user_id, position (of the step's product in
        the order, from 1), product_id (null if no history holds it), rank and rank_among_new (of
        that product; null if it was no candidate), first_ten (product ids), is_repeat, fold.

    """
    long = [place for place, order in enumerate(orders) if len(order.items) > parameters.FIRST_STEP]
    steps = [
        (place, at)
        for place in long
        for at in range(parameters.FIRST_STEP, len(orders[place].items))
    ]
    names = (*BASELINES, "model")
    ranks = {name: np.full((len(steps), 2), np.inf) for name in names}
    repeats = np.zeros(len(steps), dtype=np.bool_)
    shown = np.zeros(len(state.products), dtype=np.int64)
    first_ten: list[list[int]] = []
    finder = CandidateFinder(state)
    with step("fit baselines"):
        baselines = Baselines(tables, window, state.products)
    users = state.users[np.array([orders[place].user for place in long], dtype=np.int64)]
    shopper_of_step = (
        shopper
        for place, shopper in zip(long, baselines.of_shoppers(users), strict=True)
        for _ in range(parameters.FIRST_STEP, len(orders[place].items))
    )
    with counted_step("steps", len(steps)) as advance:
        for number, ((place, at), shopper) in enumerate(zip(steps, shopper_of_step, strict=True)):
            order = orders[place]
            truth = int(order.items[at])
            repeats[number] = truth >= 0 and is_own(state, order.user, truth)
            cart = cart_of(order.items[:at])
            found = finder.find(order.user, cart)
            scores = baselines.scores(found, cart, shopper)
            scores["model"] = np.asarray(
                rankers[fold[place]].predict(found.features, num_threads=1)
            )
            top = np.lexsort((found.product, -scores["model"]))[:TOP]
            shown[found.product[top]] += 1
            first_ten.append(state.products[found.product[top]].tolist())
            is_new = found.column("is_own") == 0
            for name in names:
                ranks[name][number, 0] = _rank_of(truth, found.product, scores[name])
                ranks[name][number, 1] = _rank_of(
                    truth, found.product[is_new], scores[name][is_new]
                )
            advance(1)
    order_of_step = np.array([place for place, _ in steps], dtype=np.int64)
    said = _said(state, orders, steps, ranks["model"], first_ten).with_columns(
        is_repeat=repeats, fold=fold[order_of_step]
    )
    if not steps:
        nothing = Ladder("PN", window, 0, 0, 0, 0, 0, (0, 0), parameters.RESAMPLES, [], [])
        return nothing, said
    values = {name: step_measures(ranks[name], repeats) for name in names}
    with step("bootstrap"):
        table = [_by_order(values[name], order_of_step) for name in names]
        table += [_by_order(values["model"] - values[name], order_of_step) for name in BASELINES]
        intervals = iter(bootstrap(np.hstack(table), parameters.RESAMPLES, parameters.SEED))
    rungs = [Rung(name, {m: next(intervals) for m in MEASURES}) for name in names]
    comparisons = [
        Comparison(name, measure, difference)
        for name in BASELINES
        for measure in MEASURES
        for difference in [next(intervals)]
    ]
    ladder = Ladder(
        protocol="PN",
        window=window,
        orders=len(long),
        steps=len(steps),
        repeat_share=float(repeats.mean()),
        coverage=float((shown > 0).mean()),
        popularity=float((shown * state.buyer_share).sum() / max(shown.sum(), 1)),
        milliseconds=_milliseconds(state, orders, steps, rankers[0]),
        resamples=parameters.RESAMPLES,
        rungs=rungs,
        comparisons=comparisons,
    )
    return ladder, said


def _said(
    state: State,
    orders: list[Order],
    steps: list[tuple[int, int]],
    ranks: Floats,
    first_ten: list[list[int]],
) -> pl.DataFrame:
    """Lay out what one ranking, float64 [steps, 2], said at each step."""
    products = [int(orders[place].items[at]) for place, at in steps]
    return pl.DataFrame(
        {
            "user_id": [int(state.users[orders[place].user]) for place, _ in steps],
            "position": [at + 1 for _, at in steps],
            "product_id": [int(state.products[one]) if one >= 0 else None for one in products],
            "rank": ranks[:, 0],
            "rank_among_new": ranks[:, 1],
            "first_ten": first_ten,
        },
        schema_overrides={"first_ten": pl.List(pl.Int64), **dict.fromkeys(_IDS, pl.Int64)},
    ).with_columns(
        pl.when(pl.col(name).is_finite()).then(name).cast(pl.Int32)
        for name in ("rank", "rank_among_new")
    )


def _rank_of(truth: int, products: npt.NDArray[np.int32], scores: Floats) -> float:
    """Give the place of a product from 1, infinity if it is no candidate; ties by the lower id."""
    at = np.flatnonzero(products == truth)
    if not len(at):
        return np.inf
    own = scores[at[0]]
    before = (scores > own) | ((scores == own) & (products < truth))
    return float(before.sum() + 1)


def step_measures(ranks: Floats, repeats: npt.NDArray[np.bool_]) -> Floats:
    """Give each step's part in each measure, so that the mean over steps is the measure."""
    first_ten, first_twenty = ranks[:, 0] <= TOP, ranks[:, 0] <= 2 * TOP
    repeat_weight = repeats / max(repeats.mean(), 1e-12)
    explore_weight = ~repeats / max((~repeats).mean(), 1e-12)
    return np.stack(
        [
            first_ten,
            first_twenty,
            np.where(first_ten, 1 / ranks[:, 0], 0),
            first_ten * repeat_weight,
            first_ten * explore_weight,
            (ranks[:, 1] <= TOP) * explore_weight,
        ],
        axis=1,
    ).astype(np.float64)


def _by_order(values: Floats, order: Integers) -> Floats:
    """Add up the steps of each order, scaled so that the mean over orders is that over steps."""
    _, place = np.unique(order, return_inverse=True)
    sums = np.stack([np.bincount(place, weights=column) for column in values.T], axis=1)
    return np.asarray(sums * (len(sums) / len(values)), dtype=np.float64)


def _milliseconds(
    state: State, orders: list[Order], steps: list[tuple[int, int]], booster: lgb.Booster
) -> tuple[float, float]:
    """Time single answers, from the cart to the ranked list."""
    finder = CandidateFinder(state)
    times = []
    for place, at in steps[:: max(len(steps) // 500, 1)]:
        begun = time.perf_counter()
        order = orders[place]
        rank([finder.find(order.user, cart_of(order.items[:at]))], booster, threads=1)
        times.append(1000 * (time.perf_counter() - begun))
    p50, p90 = np.quantile(times, [0.5, 0.9])
    return float(p50), float(p90)

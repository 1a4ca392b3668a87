"""The ladder of next-in-cart: how each ranking does at every step of known orders."""

import time

import lightgbm as lgb
import numpy as np
import polars as pl

from ml.data.arrays import Booleans, Floats, Integers
from ml.data.reading import DataFolder
from ml.judging.comparison import Comparison, verdicts
from ml.judging.ladder import Ladder, Rung
from ml.judging.metrics import bootstrap
from ml.tasks.next_in_cart import parameters
from ml.tasks.next_in_cart.baselines import BASELINES, Baselines
from ml.tasks.next_in_cart.cart_candidates import CandidateFinder, Feature
from ml.tasks.next_in_cart.ranker import (
    TOP,
    Order,
    cart_of,
    chance,
    is_own,
    rank,
    with_new_places,
)
from ml.tasks.next_in_cart.state import Indices, State
from ml.tools.progress import counted_step, step

MEASURES = (
    "HR@10",
    "HR@20",
    "MRR@10",
    "repeat HR@10",
    "explore HR@10",
    "explore HR@10, new only",
)
MODEL = "model"
KEEPING = {f"{MODEL}, {count} new places": count for count in parameters.NEW_PLACES_JUDGED}
"""The model with places kept for new products, and how many."""
_IDS = ("user_id", "position", "product_id")


def evaluate_rankers(  # noqa: PLR0913, PLR0917 - what a window is judged with
    data: DataFolder,
    state: State,
    window: int,
    orders: list[Order],
    fold: Integers,
    rankers: list[lgb.Booster],
) -> tuple[Ladder, pl.DataFrame]:
    """
    Judge the baselines and the model, each shopper by the ranker of the fold that holds them out.

    All rankings order the same candidates, which hold the shopper's own products, what is popular,
    and neighbours of the cart (protocol PN).

    Parameters
    ----------
    data
        The exported folder.
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
        Judged are orders of more than FIRST_STEP products, and steps with that many in the cart.
        Its figures: repeat_share, the part of the steps at which a product was bought again;
        milliseconds_p50 and milliseconds_p90 of one answer in this process. The model's rung has
        coverage, the share of the window's products that any first ten holds, and popularity, the
        mean share of shoppers who had bought those. No rungs and no comparisons if there is no
        step to judge.
    polars.DataFrame
        The model's out-of-fold ranking at each step: user_id, position (of the step's product in
        the order, from 1), product_id (null if no history holds it), rank and rank_among_new (of
        that product; null if it was no candidate), first_ten (product ids), is_repeat, fold.

    """
    long = [index for index, order in enumerate(orders) if len(order.items) > parameters.FIRST_STEP]
    steps = [
        (index, at)
        for index in long
        for at in range(parameters.FIRST_STEP, len(orders[index].items))
    ]
    names = (*BASELINES, *KEEPING, MODEL)
    ranks = {name: np.full((len(steps), 2), np.inf) for name in names}
    repeats = np.zeros(len(steps), dtype=np.bool_)
    shown = np.zeros(len(state.products), dtype=np.int64)
    first_ten: list[list[int]] = []
    finder = CandidateFinder(state)
    with step("fit baselines"):
        baselines = Baselines(data, window, state.products)
    users = state.users[np.array([orders[index].user for index in long], dtype=np.int64)]
    shopper_of_step = (
        shopper
        for index, shopper in zip(long, baselines.of_shoppers(users), strict=True)
        for _ in range(parameters.FIRST_STEP, len(orders[index].items))
    )
    with counted_step("steps", len(steps)) as advance:
        for number, ((index, at), shopper) in enumerate(zip(steps, shopper_of_step, strict=True)):
            order = orders[index]
            truth = int(order.items[at])
            repeats[number] = truth >= 0 and is_own(state, order.user, truth)
            cart = cart_of(order.items[:at])
            found = finder.find(order.user, cart)
            scores = baselines.scores(found, cart, shopper)
            scores[MODEL] = np.asarray(rankers[fold[index]].predict(found.features, num_threads=1))
            ranked = np.lexsort((found.product, -scores[MODEL]))
            top = ranked[:TOP]
            shown[found.product[top]] += 1
            first_ten.append(state.products[found.product[top]].tolist())
            is_new = found.column(Feature.IS_OWN) == 0
            chances = chance(scores[MODEL][ranked], found.found)
            for name, count in KEEPING.items():
                # a score that falls along the list
                scores[name] = np.empty(len(ranked))
                places = with_new_places(ranked, is_new[ranked], chances, count)
                scores[name][places] = -np.arange(len(ranked))
            for name in names:
                ranks[name][number, 0] = _rank_of(truth, found.product, scores[name])
                ranks[name][number, 1] = _rank_of(
                    truth, found.product[is_new], scores[name][is_new]
                )
            advance(1)
    order_of_step = np.array([index for index, _ in steps], dtype=np.int64)
    out_of_fold = _out_of_fold(state, orders, steps, ranks[MODEL], first_ten).with_columns(
        is_repeat=repeats, fold=fold[order_of_step]
    )
    if not steps:
        return _nothing_to_judge(window), out_of_fold
    comparisons, rungs = _rungs(ranks, repeats, order_of_step)
    rungs[-1].figures.update(
        coverage=float((shown > 0).mean()),
        popularity=float((shown * state.catalogue.buyer_share).sum() / max(shown.sum(), 1)),
    )
    p50, p90 = _milliseconds(state, orders, steps, rankers[0])
    ladder = Ladder(
        protocol="PN",
        window=window,
        judged={"orders": len(long), "steps": len(steps)},
        figures={
            "repeat_share": float(repeats.mean()),
            "milliseconds_p50": p50,
            "milliseconds_p90": p90,
        },
        resamples=parameters.RESAMPLES,
        rungs=rungs,
        comparisons=comparisons,
        verdicts=verdicts(comparisons),
    )
    return ladder, out_of_fold


def _nothing_to_judge(window: int) -> Ladder:
    nothing = (
        f"Protocol PN: no known order of orders_back {window} holds {parameters.FIRST_STEP + 1}"
        " products or more, so that there is no step to judge."
    )
    judged = {"orders": 0, "steps": 0}
    return Ladder("PN", window, judged, {}, parameters.RESAMPLES, [], [], [nothing])


def _rungs(
    ranks: dict[str, Floats], repeats: Booleans, order_of_step: Integers
) -> tuple[list[Comparison], list[Rung]]:
    """Give the model against each baseline, and every ranking's measures; the model comes last."""
    values = {name: step_measures(one, repeats) for name, one in ranks.items()}
    with step("bootstrap"):
        table = [_by_order(one, order_of_step) for one in values.values()]
        table += [_by_order(values[MODEL] - values[name], order_of_step) for name in BASELINES]
        intervals = iter(bootstrap(np.hstack(table), parameters.RESAMPLES, parameters.SEED))
    rungs = [
        Rung(name, name == MODEL, {measure: next(intervals) for measure in MEASURES}, {})
        for name in values
    ]
    comparisons = [
        Comparison(name, measure, next(intervals)) for name in BASELINES for measure in MEASURES
    ]
    return comparisons, rungs


def _out_of_fold(
    state: State,
    orders: list[Order],
    steps: list[tuple[int, int]],
    ranks: Floats,
    first_ten: list[list[int]],
) -> pl.DataFrame:
    """Lay out how one ranking, float64 [steps, 2], did at each step."""
    products = [int(orders[index].items[at]) for index, at in steps]
    return pl.DataFrame(
        {
            "user_id": [int(state.users[orders[index].user]) for index, _ in steps],
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


def _rank_of(truth: int, products: Indices, scores: Floats) -> float:
    """Give the place of a product from 1, infinity if it is no candidate; ties by the lower id."""
    at = np.flatnonzero(products == truth)
    if not len(at):
        return np.inf
    own = scores[at[0]]
    before = (scores > own) | ((scores == own) & (products < truth))
    return float(before.sum() + 1)


def step_measures(ranks: Floats, repeats: Booleans) -> Floats:
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
    _, index = np.unique(order, return_inverse=True)
    sums = np.stack([np.bincount(index, weights=column) for column in values.T], axis=1)
    return np.asarray(sums * (len(sums) / len(values)), dtype=np.float64)


def _milliseconds(
    state: State, orders: list[Order], steps: list[tuple[int, int]], booster: lgb.Booster
) -> tuple[float, float]:
    """Time single answers, from the cart to the ranked list."""
    finder = CandidateFinder(state)
    times = []
    for index, at in steps[:: max(len(steps) // 500, 1)]:
        begun = time.perf_counter()
        order = orders[index]
        rank([finder.find(order.user, cart_of(order.items[:at]))], booster, threads=1)
        times.append(1000 * (time.perf_counter() - begun))
    p50, p90 = np.quantile(times, [0.5, 0.9])
    return float(p50), float(p90)

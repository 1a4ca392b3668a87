"""What the ranker learns from: steps of known orders, and the candidates at each."""

from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import polars as pl

from ml.data.arrays import Booleans, Floats, Integers
from ml.data.reading import DataFolder
from ml.fitting.fits import fit_without_each_fold
from ml.tasks.next_in_cart import parameters
from ml.tasks.next_in_cart.cart_candidates import (
    FEATURES,
    CandidateFinder,
    CartCandidates,
    Feature,
)
from ml.tasks.next_in_cart.state import State
from ml.tools.progress import say

TOP = 10
"""Places that are judged, and of which new products may have some."""


@dataclass(frozen=True)
class Order:
    """A known target order: the shopper, and indices of its products in cart order (-1 unknown)."""

    user: int
    items: Integers


def known_orders(data: DataFolder, orders_back: int, state: State) -> list[Order]:
    """Give the known target orders of the state's shoppers in one window, by user_id."""
    targets = data.window_targets(orders_back).filter(
        pl.col("is_known") & pl.col("user_id").is_in(state.users)
    )
    lines = (
        data.baskets()
        .join(targets.lazy(), on=["user_id", "order_number"], how="semi")
        .sort("user_id", "add_to_cart_order", "product_id")
        .collect()
    )
    orders = []
    for (user,), basket in lines.group_by("user_id", maintain_order=True):
        wanted = basket["product_id"].to_numpy()
        index = np.minimum(np.searchsorted(state.products, wanted), len(state.products) - 1)
        items = np.where(state.products[index] == wanted, index, -1)
        orders.append(Order(state.index_of_user(int(str(user))), items))
    return orders


def cart_of(items: Integers) -> npt.NDArray[np.int64]:
    """Keep the known products, each where it came first: what a finder takes as a cart."""
    known = items[items >= 0]
    _, first = np.unique(known, return_index=True)
    return known[np.sort(first)]


@dataclass(frozen=True)
class Steps:
    """
    Candidates of steps to learn from, n of them.

    Attributes
    ----------
    features
        float32 [n, features].
    label
        float32 [n]: 1 for the product put into the cart.
    user_id
        int64 [n].

    """

    features: npt.NDArray[np.float32]
    label: npt.NDArray[np.float32]
    user_id: Integers


def learning_steps(state: State, orders: list[Order], most: int) -> Steps:
    """
    Draw steps of each order, and of each step's candidates the one bought and some others.

    Where the product put into the cart is no candidate, all that is learnt is that the others were
    not bought: without these steps the chances would be those of carts in which the next product is
    always found.

    Parameters
    ----------
    state
        The window's.
    orders
        Its known orders, from `known_orders`.
    most
        Steps to draw at most; with more orders than give FEWEST_STEPS_PER_ORDER each, some orders
        are drawn.

    """
    random = np.random.default_rng(parameters.SEED)
    finder = CandidateFinder(state)
    features, labels, users = [], [], []
    per_order = most // max(len(orders), 1)
    per_order = min(
        max(per_order, parameters.FEWEST_STEPS_PER_ORDER), parameters.MOST_STEPS_PER_ORDER
    )
    learnt = np.sort(random.permutation(len(orders))[: most // per_order])
    for order in (orders[place] for place in learnt):
        count = len(order.items)
        early = random.integers(min(parameters.FIRST_STEP, count))
        late = np.arange(parameters.FIRST_STEP, count)
        drawn = random.permutation(late)[: per_order - 1]
        for at in (early, *np.sort(drawn)):
            found = finder.find(order.user, cart_of(order.items[:at]))
            bought = np.flatnonzero(found.product == order.items[at])
            others = np.delete(np.arange(len(found.product)), bought)
            others = random.permutation(others)[: parameters.NEGATIVES]
            rows = np.append(bought, others)
            features.append(found.features[rows])
            labels.append((np.arange(len(rows)) < len(bought)).astype(np.float32))
            users.append(np.full(len(rows), state.users[order.user]))
    if not features:
        nothing = np.empty(0, dtype=np.float32)
        return Steps(nothing.reshape(0, len(FEATURES)), nothing, np.empty(0, dtype=np.int64))
    return Steps(np.vstack(features), np.concatenate(labels), np.concatenate(users))


def fit_ranker(steps: list[Steps], users: Integers, folds: Integers) -> tuple[list[str], str]:
    """
    Fit a ranker without each fold's shoppers, and one with everybody.

    If there are no steps, or all are of one fold's shoppers, the rankers hold every candidate for
    equally good: the lower product_id then comes first.

    Parameters
    ----------
    steps
        Those of each window.
    users, folds
        int64 [m]: every shopper of the steps, rising, and the fold of each.

    Returns
    -------
    list of str
        For each fold the model that never saw its shoppers, as LightGBM writes it.
    str
        The model of everybody.

    """
    features = np.vstack([one.features for one in steps])
    label = np.concatenate([one.label for one in steps])
    fold = folds[np.searchsorted(users, np.concatenate([one.user_id for one in steps]))]
    if len(np.unique(fold)) < 2:  # noqa: PLR2004 - to learn from in one while the other is left out
        say("next-in-cart ranker: too few orders to learn from, so that it ranks nothing")
        # two rows that are the same, one bought and one not, in every fold
        features = np.zeros((2 * parameters.FOLDS, len(FEATURES)), dtype=np.float32)
        label = np.tile(np.array([0, 1], dtype=np.float32), parameters.FOLDS)
        fold = np.repeat(np.arange(parameters.FOLDS), 2)
    data = lgb.Dataset(
        features, label=label, params=parameters.LIGHTGBM, feature_name=list(FEATURES)
    ).construct()
    return fit_without_each_fold(
        "next-in-cart ranker",
        data,
        fold,
        folds=parameters.FOLDS,
        parameters=parameters.LIGHTGBM,
        rounds=parameters.ROUNDS,
    )


def with_new_places(ranked: Integers, is_new: Booleans, chances: Floats, places: int) -> Integers:
    """
    Let the first ten hold up to so many new products where the chance is there.

    The likeliest new product behind the ten comes in for the least likely of the shopper's own in
    it, if it has NEW_SHARE of that one's chance, until the ten hold as many. What comes in stands
    behind what stays; what leaves comes right after the ten.

    Parameters
    ----------
    ranked
        int64 [n]: rows of a cart's candidates, the best first.
    is_new, chances
        bool and float64 [n]: of each, in this order, whether it was never bought, and its chance.
    places
        How many, 10 at most.

    Returns
    -------
    int64 [n]

    """
    missing = max(places - int(is_new[:TOP].sum()), 0)
    entering = np.flatnonzero(is_new[TOP:])[:missing] + TOP
    leaving = np.flatnonzero(~is_new[:TOP])[::-1][: len(entering)]
    # chances fall among those that come in and rise among those that leave
    count = int((chances[entering] >= parameters.NEW_SHARE * chances[leaving]).sum())
    entering, leaving = entering[:count], leaving[:count][::-1]
    stays = np.delete(np.arange(len(ranked)), np.concatenate([entering, leaving]))
    first = TOP - count
    kept: Integers = ranked[np.concatenate([stays[:first], entering, leaving, stays[first:]])]
    return kept


def rank(
    found: list[CartCandidates], booster: lgb.Booster, threads: int, new_places: int = 0
) -> tuple[list[Integers], list[Floats]]:
    """
    Rank the candidates of some carts.

    Parameters
    ----------
    found
        The candidates of each cart.
    booster
        The ranker.
    threads
        Threads of the prediction; 1 is quickest for a single cart.
    new_places
        As `with_new_places` has it.

    Returns
    -------
    list of int64 arrays
        At most ANSWERED rows of each cart's candidates, the best first.
    list of float64 arrays
        Their scores: the chance to be the next product.

    """
    features = np.vstack([one.features for one in found])
    scores = np.empty(0)
    if len(features):
        scores = np.asarray(booster.predict(features, num_threads=threads))
    rows, values = [], []
    begin = 0
    for one in found:
        own = scores[begin : begin + len(one.product)]
        begin += len(one.product)
        # equal scores: the lower product_id first
        best = np.lexsort((one.product, -own))
        if new_places:
            is_new = one.column(Feature.IS_OWN)[best] == 0
            best = with_new_places(best, is_new, chance(own[best], one.found), new_places)
        best = best[: parameters.ANSWERED]
        rows.append(best)
        values.append(chance(own[best], one.found))
    return rows, values


def chance(probability: Floats, found: int) -> Floats:
    """
    Give the chance to be the cart's next product from what the ranker says, float64 [n] both.

    The ranker learns from NEGATIVES of a step's other candidates, so that it takes products for
    likelier than they are: the odds are brought back to all the candidates that were found (King
    and Zeng, Logistic Regression in Rare Events Data, Political Analysis 2001, prior correction).
    The order of a cart's products stays.
    """
    others = max(found - 1, 1)
    learnt = min(parameters.NEGATIVES, others)
    return probability * learnt / (probability * learnt + (1 - probability) * others)


def is_own(state: State, user: int, product: int) -> bool:
    """Whether the shopper bought the product before."""
    own = state.own
    return bool((own.product[own.start[user] : own.start[user + 1]] == product).any())

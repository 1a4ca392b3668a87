"""The candidates for the next product of a cart and their features, in compiled code."""

from dataclasses import dataclass
from enum import IntEnum

import numba
import numpy as np

from ml.data.arrays import Integers, Scores
from ml.tasks.next_in_cart import parameters
from ml.tasks.next_in_cart.state import (
    Catalogue,
    Indices,
    Neighbours,
    NewProducts,
    OrderLines,
    OwnColumn,
    OwnProducts,
    State,
    UserColumn,
)


class Feature(IntEnum):
    """What the ranker knows of a candidate, a column each."""

    IS_OWN = 0
    BUY_AGAIN = 1
    UP_ORDERS = 2
    UP_ORDERS_SINCE_LAST_ORDER = 3
    UP_AVERAGE_CART_POSITION = 4
    POSITIONS_TO_USUAL = 5
    OWN_RANK = 6
    DISCOVERY_SCORE = 7
    DISCOVERY_RANK = 8
    COSINE_SUM = 9
    COSINE_MAX = 10
    COSINE_LAST = 11
    CONFIDENCE_MAX = 12
    BUYER_SHARE = 13
    POPULARITY_RANK = 14
    CART_SIZE = 15
    CART_SIZE_SHARE = 16
    CART_OWN_SHARE = 17
    AISLE_IN_CART = 18
    DEPARTMENT_IN_CART = 19
    IS_AISLE_OF_LAST = 20
    IS_DEPARTMENT_OF_LAST = 21
    USER_ORDERS = 22
    OWN_EXPECTED_LEFT = 23
    OWN_FOLLOWED_LAST = 24
    OWN_WITH_CART = 25


Rows = tuple[Indices, Scores, Scores]
"""Room for the candidates: product, features and recency of each."""

FEATURES = tuple(feature.name.lower() for feature in Feature)

_MOST = (
    parameters.OWN_CANDIDATES
    + parameters.NEW_CANDIDATES
    + parameters.POPULAR_CANDIDATES
    + parameters.NEIGHBOUR_CANDIDATES * parameters.NEIGHBOUR_ITEMS
)
_OWN = parameters.OWN_CANDIDATES
_NEAR = parameters.NEIGHBOUR_CANDIDATES
_NEAR_ITEMS = parameters.NEIGHBOUR_ITEMS
# what a product may be that is no candidate
_NOTHING = -1
_IN_CART = -2
_OWN_BEYOND = -3


@dataclass(frozen=True)
class CartCandidates:
    """
    The candidates of one cart, n of them.

    Attributes
    ----------
    product
        int32 [n]: indices of the state's products.
    features
        float32 [n, Feature].
    recency
        float32 [n]: the shopper's personal recency; 0 for what was never bought.
    found
        How many candidates the cart has, of which these may be a part.

    """

    product: Indices
    features: Scores
    recency: Scores
    found: int

    def column(self, feature: Feature) -> Scores:
        """Give one feature, float32 [n]."""
        return self.features[:, feature]

    def only_new(self) -> "CartCandidates":
        """Keep what the shopper never bought."""
        kept = self.column(Feature.IS_OWN) == 0
        return CartCandidates(
            self.product[kept], self.features[kept], self.recency[kept], self.found
        )


class CandidateFinder:
    """
    Finds the candidates of carts in one state.

    Candidates are the shopper's own products, the discovery list, popular products, and neighbours
    of what lies in the cart; never what lies in it.

    Parameters
    ----------
    state
        The window of the shop. One finder serves one thread.

    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._popular = state.popular()
        # of each product its row among the candidates, or what it is instead
        self._row = np.full(len(state.products), _NOTHING, dtype=np.int32)

    def find(self, user: int, cart: Integers) -> CartCandidates:
        """
        Find the candidates of one cart.

        Parameters
        ----------
        user
            The shopper's index in the state, -1 for an unknown one.
        cart
            int64: indices of the products in the cart, each once, in the order they were put there.

        """
        state = self._state
        product = np.empty(_MOST, dtype=np.int32)
        features = np.full((_MOST, len(FEATURES)), np.nan, dtype=np.float32)
        recency = np.zeros(_MOST, dtype=np.float32)
        count = _find(
            user,
            cart,
            (state.own, state.lines, state.new, state.near),
            state.catalogue,
            state.user_values,
            self._popular,
            self._row,
            (product, features, recency),
        )
        return CartCandidates(product[:count], features[:count], recency[:count], count)


@numba.njit(cache=True)
def _find(  # noqa: PLR0913, PLR0917 - all that candidates are made of
    user: int,
    cart: Integers,
    ragged: tuple[OwnProducts, OrderLines, NewProducts, Neighbours],
    catalogue: Catalogue,
    user_values: Scores,
    popular: Indices,
    row_of: Indices,
    candidates: Rows,
) -> int:  # pragma: no cover
    """Write the candidates and their features into `candidates`, and give their number."""
    own, lines, new, near = ragged
    product, features, _recency = candidates
    for item in cart:
        row_of[item] = _IN_CART
    count, own_in_cart, expected_left = 0, 0, 0.0
    if user >= 0:
        count, own_in_cart, expected_left = _add_own(user, len(cart), own, row_of, candidates)
        count = _add_discoveries(user, new, row_of, candidates, count)
    count = _add_popular_and_near(cart, popular, near, row_of, candidates, count)
    features = features[:count]
    _describe_nearness(cart, near, row_of, features)
    _describe_cart(cart, own_in_cart, catalogue, product, features)
    if user >= 0:
        size_of_usual = user_values[user, UserColumn.LINES_PER_ORDER]
        if size_of_usual > 0:
            features[:, Feature.CART_SIZE_SHARE] = len(cart) / size_of_usual
        features[:, Feature.USER_ORDERS] = user_values[user, UserColumn.ORDERS]
        features[:, Feature.OWN_EXPECTED_LEFT] = expected_left
        if len(cart):
            _describe_orders(user, cart, lines, row_of, features)
    # leave the scratch as it was found
    for item in cart:
        row_of[item] = _NOTHING
    for row in range(count):
        row_of[product[row]] = _NOTHING
    if user >= 0:
        for at in range(own.start[user], own.start[user + 1]):
            row_of[own.product[at]] = _NOTHING
    return count


@numba.njit(cache=True)
def _add(
    item: int, is_own: int, row_of: Indices, candidates: Rows, count: int
) -> int:  # pragma: no cover
    """Make a product a candidate and give the number of candidates after it."""
    product, features, _recency = candidates
    row_of[item] = count
    product[count] = item
    features[count, Feature.IS_OWN] = is_own
    return count + 1


@numba.njit(cache=True)
def _add_own(
    user: int, size: int, own: OwnProducts, row_of: Indices, candidates: Rows
) -> tuple[int, int, float]:  # pragma: no cover
    """Add the shopper's products; give candidates, those in the cart, and purchases expected."""
    _product, features, recency = candidates
    count, in_cart, rank, expected_left = 0, 0, 0, 0.0
    for at in range(own.start[user], own.start[user + 1]):
        item = own.product[at]
        if row_of[item] == _IN_CART:
            in_cart += 1
            continue
        values = own.values[at]
        expected_left += values[OwnColumn.BUY_AGAIN]
        rank += 1
        if rank > _OWN:
            # still the shopper's own, so that it is no new product
            row_of[item] = _OWN_BEYOND
            continue
        usual = values[OwnColumn.UP_AVERAGE_CART_POSITION]
        recency[count] = values[OwnColumn.RECENCY]
        features[count, Feature.BUY_AGAIN] = values[OwnColumn.BUY_AGAIN]
        features[count, Feature.UP_ORDERS] = values[OwnColumn.UP_ORDERS]
        features[count, Feature.UP_ORDERS_SINCE_LAST_ORDER] = values[
            OwnColumn.UP_ORDERS_SINCE_LAST_ORDER
        ]
        features[count, Feature.UP_AVERAGE_CART_POSITION] = usual
        features[count, Feature.POSITIONS_TO_USUAL] = usual - (size + 1)
        features[count, Feature.OWN_RANK] = rank
        count = _add(item, 1, row_of, candidates, count)
    return count, in_cart, expected_left


@numba.njit(cache=True)
def _add_discoveries(
    user: int, new: NewProducts, row_of: Indices, candidates: Rows, count: int
) -> int:  # pragma: no cover
    """Add the shopper's discovery list."""
    _product, features, _recency = candidates
    for at in range(new.start[user], new.start[user + 1]):
        item = new.product[at]
        if row_of[item] == _NOTHING:
            features[count, Feature.DISCOVERY_SCORE] = new.score[at]
            features[count, Feature.DISCOVERY_RANK] = at - new.start[user] + 1
            count = _add(item, 0, row_of, candidates, count)
    return count


@numba.njit(cache=True)
def _add_popular_and_near(  # noqa: PLR0913, PLR0917 - what is added, to what
    cart: Integers,
    popular: Indices,
    near: Neighbours,
    row_of: Indices,
    candidates: Rows,
    count: int,
) -> int:  # pragma: no cover
    """Add popular products, and neighbours of what was put into the cart last."""
    for item in popular:
        if row_of[item] == _NOTHING:
            count = _add(item, 0, row_of, candidates, count)
    for other in cart[max(len(cart) - _NEAR_ITEMS, 0) :]:
        begin = near.start[other]
        for item in near.product[begin : min(near.start[other + 1], begin + _NEAR)]:
            if row_of[item] == _NOTHING:
                count = _add(item, 0, row_of, candidates, count)
    return count


@numba.njit(cache=True)
def _describe_nearness(
    cart: Integers, near: Neighbours, row_of: Indices, features: Scores
) -> None:  # pragma: no cover
    """Say how near the candidates are to what lies in the cart."""
    features[:, Feature.COSINE_SUM] = 0
    features[:, Feature.COSINE_MAX] = 0
    features[:, Feature.COSINE_LAST] = 0
    features[:, Feature.CONFIDENCE_MAX] = 0
    for step in range(len(cart)):
        for at in range(near.start[cart[step]], near.start[cart[step] + 1]):
            row = row_of[near.product[at]]
            if row >= 0:
                one, cosine = features[row], near.cosine[at]
                one[Feature.COSINE_SUM] += cosine
                one[Feature.COSINE_MAX] = max(one[Feature.COSINE_MAX], cosine)
                if step == len(cart) - 1:
                    one[Feature.COSINE_LAST] = cosine
                one[Feature.CONFIDENCE_MAX] = max(one[Feature.CONFIDENCE_MAX], near.confidence[at])


@numba.njit(cache=True)
def _describe_cart(
    cart: Integers, own_in_cart: int, catalogue: Catalogue, product: Indices, features: Scores
) -> None:  # pragma: no cover
    """Say what the candidates are, and what of their kind lies in the cart."""
    aisle, department = catalogue.aisle, catalogue.department
    size = len(cart)
    features[:, Feature.CART_SIZE] = size
    for row in range(len(features)):
        item, one = product[row], features[row]
        one[Feature.BUYER_SHARE] = catalogue.buyer_share[item]
        one[Feature.POPULARITY_RANK] = catalogue.popularity_rank[item]
        same_aisle, same_department = 0, 0
        for other in cart:
            same_aisle += aisle[other] == aisle[item]
            same_department += department[other] == department[item]
        one[Feature.AISLE_IN_CART] = same_aisle
        one[Feature.DEPARTMENT_IN_CART] = same_department
        if size:
            last = cart[size - 1]
            one[Feature.CART_OWN_SHARE] = own_in_cart / size
            one[Feature.IS_AISLE_OF_LAST] = aisle[last] == aisle[item]
            one[Feature.IS_DEPARTMENT_OF_LAST] = department[last] == department[item]


@numba.njit(cache=True)
def _describe_orders(
    user: int, cart: Integers, lines: OrderLines, row_of: Indices, features: Scores
) -> None:  # pragma: no cover
    """Say what the shopper's own orders with products of the cart held beside them."""
    followed_last = np.zeros(len(features), dtype=np.float32)
    with_cart = np.zeros(len(features), dtype=np.float32)
    orders_with_last, all_shared = 0, 0
    begin, stop = lines.start[user], lines.start[user + 1]
    while begin < stop:
        end, shared, at_last = _read_order(lines, begin, stop, cart[len(cart) - 1], row_of)
        orders_with_last += at_last >= 0
        all_shared += shared
        for at in range(begin, end if shared else begin):
            row = row_of[lines.product[at]]
            if row >= 0:
                with_cart[row] += shared
                if 0 <= at_last < at:
                    followed_last[row] += 1 / (at - at_last)
        begin = end
    for row in range(len(features)):
        if features[row, Feature.IS_OWN] == 1:
            features[row, Feature.OWN_FOLLOWED_LAST] = followed_last[row] / max(orders_with_last, 1)
            features[row, Feature.OWN_WITH_CART] = with_cart[row] / max(all_shared, 1)


@numba.njit(cache=True)
def _read_order(
    lines: OrderLines, begin: int, stop: int, last: int, row_of: Indices
) -> tuple[int, int, int]:  # pragma: no cover
    """Give where an order ends, how much of the cart it holds, and the line of `last` (or -1)."""
    end, shared, at_last = begin, 0, -1
    while end < stop and lines.order[end] == lines.order[begin]:
        item = lines.product[end]
        shared += row_of[item] == _IN_CART
        if item == last:
            at_last = end
        end += 1
    return end, shared, at_last

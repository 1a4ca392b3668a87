"""The candidates for the next product of a cart and their features, in compiled code."""

from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from ml.tasks.next_in_cart import parameters
from ml.tasks.next_in_cart.state import State

FEATURES = (
    "is_own",
    "buy_again",
    "up_orders",
    "up_orders_since_last_order",
    "up_average_cart_position",
    "positions_to_usual",
    "own_rank",
    "discovery_score",
    "discovery_rank",
    "cosine_sum",
    "cosine_max",
    "cosine_last",
    "confidence_max",
    "buyer_share",
    "popularity_rank",
    "cart_size",
    "cart_size_share",
    "cart_own_share",
    "aisle_in_cart",
    "department_in_cart",
    "is_aisle_of_last",
    "is_department_of_last",
    "user_orders",
    "own_expected_left",
    "own_followed_last",
    "own_with_cart",
)
# the column of each feature, for the compiled code
(
    IS_OWN,
    BUY_AGAIN,
    UP_ORDERS,
    UP_ORDERS_SINCE_LAST_ORDER,
    UP_AVERAGE_CART_POSITION,
    POSITIONS_TO_USUAL,
    OWN_RANK,
    DISCOVERY_SCORE,
    DISCOVERY_RANK,
    COSINE_SUM,
    COSINE_MAX,
    COSINE_LAST,
    CONFIDENCE_MAX,
    BUYER_SHARE,
    POPULARITY_RANK,
    CART_SIZE,
    CART_SIZE_SHARE,
    CART_OWN_SHARE,
    AISLE_IN_CART,
    DEPARTMENT_IN_CART,
    IS_AISLE_OF_LAST,
    IS_DEPARTMENT_OF_LAST,
    USER_ORDERS,
    OWN_EXPECTED_LEFT,
    OWN_FOLLOWED_LAST,
    OWN_WITH_CART,
) = range(len(FEATURES))
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
        int32 [n]: places in the state's products.
    features
        float32 [n, features].
    recency
        float32 [n]: the shopper's personal recency; 0 for what was never bought.
    found
        How many candidates the cart has, of which these may be a part.

    """

    product: npt.NDArray[np.int32]
    features: npt.NDArray[np.float32]
    recency: npt.NDArray[np.float32]
    found: int

    def column(self, name: str) -> npt.NDArray[np.float32]:
        """Give one of FEATURES, float32 [n]."""
        return self.features[:, FEATURES.index(name)]

    def only_new(self) -> "CartCandidates":
        """Keep what the shopper never bought."""
        kept = self.column("is_own") == 0
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
        self._place = np.full(len(state.products), _NOTHING, dtype=np.int32)

    def find(self, user: int, cart: npt.NDArray[np.int64]) -> CartCandidates:
        """
        Find the candidates of one cart.

        Parameters
        ----------
        user
            The shopper's place in the state, -1 for an unknown one.
        cart
            int64: places of the products in the cart, each once, in the order they were put there.

        """
        state = self._state
        product = np.empty(_MOST, dtype=np.int32)
        features = np.full((_MOST, len(FEATURES)), np.nan, dtype=np.float32)
        recency = np.zeros(_MOST, dtype=np.float32)
        count = _fill(
            user,
            cart,
            state.own_start,
            state.own_product,
            state.own_values,
            state.line_start,
            state.line_product,
            state.line_order,
            state.new_start,
            state.new_product,
            state.new_score,
            state.near_start,
            state.near_product,
            state.near_cosine,
            state.near_confidence,
            state.buyer_share,
            state.popularity_rank,
            state.aisle,
            state.department,
            state.user_values,
            self._popular,
            self._place,
            product,
            features,
            recency,
        )
        return CartCandidates(product[:count], features[:count], recency[:count], count)


@numba.njit(cache=True)
def _fill(  # type: ignore[no-untyped-def]  # noqa: ANN202, C901, PLR0912, PLR0913, PLR0915, PLR0917
    user,  # noqa: ANN001
    cart,  # noqa: ANN001
    own_start,  # noqa: ANN001
    own_product,  # noqa: ANN001
    own_values,  # noqa: ANN001
    line_start,  # noqa: ANN001
    line_product,  # noqa: ANN001
    line_order,  # noqa: ANN001
    new_start,  # noqa: ANN001
    new_product,  # noqa: ANN001
    new_score,  # noqa: ANN001
    near_start,  # noqa: ANN001
    near_product,  # noqa: ANN001
    near_cosine,  # noqa: ANN001
    near_confidence,  # noqa: ANN001
    buyer_share,  # noqa: ANN001
    popularity_rank,  # noqa: ANN001
    aisle,  # noqa: ANN001
    department,  # noqa: ANN001
    user_values,  # noqa: ANN001
    popular,  # noqa: ANN001
    place,  # noqa: ANN001
    product,  # noqa: ANN001
    features,  # noqa: ANN001
    recency,  # noqa: ANN001
):
    count = 0
    size = len(cart)
    for item in cart:
        place[item] = _IN_CART
    own_in_cart = 0
    expected_left = 0.0
    if user >= 0:
        rank = 0
        for at in range(own_start[user], own_start[user + 1]):
            item = own_product[at]
            if place[item] == _IN_CART:
                own_in_cart += 1
                continue
            expected_left += own_values[at, 0]
            rank += 1
            if rank > _OWN:
                # still the shopper's own, so that it is no new product
                place[item] = _OWN_BEYOND
                continue
            place[item] = count
            product[count] = item
            recency[count] = own_values[at, 1]
            features[count, IS_OWN] = 1
            features[count, BUY_AGAIN] = own_values[at, 0]
            features[count, UP_ORDERS] = own_values[at, 2]
            features[count, UP_ORDERS_SINCE_LAST_ORDER] = own_values[at, 3]
            features[count, UP_AVERAGE_CART_POSITION] = own_values[at, 4]
            features[count, POSITIONS_TO_USUAL] = own_values[at, 4] - (size + 1)
            features[count, OWN_RANK] = rank
            count += 1
        for at in range(new_start[user], new_start[user + 1]):
            item = new_product[at]
            if place[item] == _NOTHING:
                place[item] = count
                product[count] = item
                features[count, IS_OWN] = 0
                features[count, DISCOVERY_SCORE] = new_score[at]
                features[count, DISCOVERY_RANK] = at - new_start[user] + 1
                count += 1
    for item in popular:
        if place[item] == _NOTHING:
            place[item] = count
            product[count] = item
            features[count, IS_OWN] = 0
            count += 1
    for step in range(max(size - _NEAR_ITEMS, 0), size):
        begin = near_start[cart[step]]
        end = min(near_start[cart[step] + 1], begin + _NEAR)
        for at in range(begin, end):
            item = near_product[at]
            if place[item] == _NOTHING:
                place[item] = count
                product[count] = item
                features[count, IS_OWN] = 0
                count += 1
    for row in range(count):
        features[row, COSINE_SUM] = 0
        features[row, COSINE_MAX] = 0
        features[row, COSINE_LAST] = 0
        features[row, CONFIDENCE_MAX] = 0
    for step in range(size):
        for at in range(near_start[cart[step]], near_start[cart[step] + 1]):
            row = place[near_product[at]]
            if row >= 0:
                cosine = near_cosine[at]
                features[row, COSINE_SUM] += cosine
                features[row, COSINE_MAX] = max(features[row, COSINE_MAX], cosine)
                if step == size - 1:
                    features[row, COSINE_LAST] = cosine
                features[row, CONFIDENCE_MAX] = max(
                    features[row, CONFIDENCE_MAX], near_confidence[at]
                )
    for row in range(count):
        item = product[row]
        same_aisle = 0
        same_department = 0
        for other in cart:
            same_aisle += aisle[other] == aisle[item]
            same_department += department[other] == department[item]
        features[row, BUYER_SHARE] = buyer_share[item]
        features[row, POPULARITY_RANK] = popularity_rank[item]
        features[row, CART_SIZE] = size
        features[row, AISLE_IN_CART] = same_aisle
        features[row, DEPARTMENT_IN_CART] = same_department
        if size:
            features[row, CART_OWN_SHARE] = own_in_cart / size
            features[row, IS_AISLE_OF_LAST] = aisle[cart[size - 1]] == aisle[item]
            features[row, IS_DEPARTMENT_OF_LAST] = department[cart[size - 1]] == department[item]
        if user >= 0:
            if user_values[user, 1] > 0:
                features[row, CART_SIZE_SHARE] = size / user_values[user, 1]
            features[row, USER_ORDERS] = user_values[user, 0]
            features[row, OWN_EXPECTED_LEFT] = expected_left
    if user >= 0 and size:
        last = cart[size - 1]
        orders_with_last = 0
        all_shared = 0
        for row in range(count):
            if features[row, IS_OWN] == 1:
                features[row, OWN_FOLLOWED_LAST] = 0
                features[row, OWN_WITH_CART] = 0
        begin = line_start[user]
        while begin < line_start[user + 1]:
            end = begin
            shared = 0
            at_last = -1
            while end < line_start[user + 1] and line_order[end] == line_order[begin]:
                item = line_product[end]
                if place[item] == _IN_CART:
                    shared += 1
                if item == last:
                    at_last = end
                end += 1
            if at_last >= 0:
                orders_with_last += 1
            all_shared += shared
            if shared:
                for at in range(begin, end):
                    row = place[line_product[at]]
                    if row >= 0:
                        features[row, OWN_WITH_CART] += shared
                        if 0 <= at_last < at:
                            features[row, OWN_FOLLOWED_LAST] += 1 / (at - at_last)
            begin = end
        for row in range(count):
            if features[row, IS_OWN] == 1:
                if orders_with_last:
                    features[row, OWN_FOLLOWED_LAST] /= orders_with_last
                if all_shared:
                    features[row, OWN_WITH_CART] /= all_shared
    # leave the scratch as it was found
    for item in cart:
        place[item] = _NOTHING
    for row in range(count):
        place[product[row]] = _NOTHING
    if user >= 0:
        for at in range(own_start[user], own_start[user + 1]):
            place[own_product[at]] = _NOTHING
    return count

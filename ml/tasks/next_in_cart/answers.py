"""Answers to carts."""

from dataclasses import dataclass
from typing import Literal

import lightgbm as lgb
import numpy as np
import polars as pl

from ml.data.arrays import Integers
from ml.data.carts import Cart
from ml.tasks.next_in_cart.cart_candidates import CandidateFinder, CartCandidates, Feature
from ml.tasks.next_in_cart.ranker import rank
from ml.tasks.next_in_cart.state import State

Only = Literal["all", "new"]
NEXT = pl.Schema({"rank": pl.Int32, "product_id": pl.Int64, "score": pl.Float64})
"""The columns of an answer after cart_id."""


@dataclass(frozen=True)
class Answer:
    """Products that may be next, the best first: their ids, scores and reasons."""

    products: list[int]
    scores: list[float]
    reasons: list[str]


class NextInCart:
    """
    Answers what comes next into a cart, from one state of a shop.

    One object serves one thread.

    Parameters
    ----------
    state
        The window of the shop.
    booster
        The ranker.
    names
        Product names by id, for the reasons.

    """

    def __init__(self, state: State, booster: lgb.Booster, names: dict[int, str]) -> None:
        self.state = state
        self._booster = booster
        self.names = names
        self._finder = CandidateFinder(state)

    def answer(
        self, user: int, cart: list[int] | Integers, count: int = 10, only: Only = "all"
    ) -> Answer:
        """
        Answer one cart.

        Parameters
        ----------
        user
            Id of the shopper; of an unknown one only the cart counts.
        cart
            Ids of the products in the cart, in the order they were put there; it may be empty.
            Repeated products count once, and products that nobody ever bought tell nothing.
        count
            Products in the answer, at most ANSWERED.
        only
            `new` for products that the shopper never bought.

        """
        inside = self._indices(np.asarray(cart, dtype=np.int64))
        found = self._find(user, inside, only)
        (rows,), (scores,) = rank([found], self._booster, threads=1)
        best = rows[:count]
        return Answer(
            self.state.products[found.product[best]].tolist(),
            scores[:count].tolist(),
            [self._reason(found, row, inside) for row in best],
        )

    def answer_all(self, carts: list[Cart], only: Only, new_places: int = 0) -> pl.DataFrame:
        """Answer some carts; gives cart_id and NEXT, ANSWERED rows per cart at most."""
        found = [self._find(cart.user_id, self._indices(cart.products), only) for cart in carts]
        rows, scores = rank(found, self._booster, threads=0, new_places=new_places)
        sizes = [len(some) for some in rows]
        products = [one.product[best] for one, best in zip(found, rows, strict=True)]
        return pl.DataFrame(
            {
                "cart_id": pl.Series([cart.cart_id for cart in carts]).gather(
                    np.repeat(np.arange(len(carts)), sizes)
                ),
                "rank": np.concatenate([np.arange(1, size + 1) for size in sizes]),
                "product_id": self.state.products[np.concatenate(products)],
                "score": np.concatenate(scores),
            }
        ).cast(NEXT)

    def _find(self, user: int, cart: Integers, only: Only) -> CartCandidates:
        found = self._finder.find(self.state.index_of_user(user), cart)
        return found.only_new() if only == "new" else found

    def _indices(self, cart: Integers) -> Integers:
        products = self.state.products
        index = np.minimum(np.searchsorted(products, cart), len(products) - 1)
        known = index[products[index] == cart]
        return np.array(list(dict.fromkeys(known.tolist())), dtype=np.int64)

    def _reason(self, found: CartCandidates, row: int, cart: Integers) -> str:
        features = found.features[row]
        if features[Feature.IS_OWN]:
            orders, since = (
                features[Feature.UP_ORDERS],
                features[Feature.UP_ORDERS_SINCE_LAST_ORDER],
            )
            times = "once" if orders == 1 else f"in {orders:.0f} orders"
            return f"bought {times}, {last_bought(since)}"
        near = self.state.near
        closest = features[Feature.COSINE_MAX]
        if closest > 0:
            for item in cart:
                own = slice(near.start[item], near.start[item + 1])
                is_it = near.product[own] == found.product[row]
                if (near.cosine[own][is_it] == closest).any():
                    product = int(self.state.products[item])
                    return f"often bought with {self.names.get(product, f'product {product}')}"
        if not np.isnan(features[Feature.DISCOVERY_SCORE]):
            return "new, for a shopper like you"
        return "popular in the shop"


def last_bought(orders_since: float) -> str:
    """Say when a product was last bought, given the orders since."""
    return "last time" if orders_since == 0 else f"last {orders_since + 1:.0f} orders ago"

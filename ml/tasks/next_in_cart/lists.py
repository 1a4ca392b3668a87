"""The lists of a shopper: what to buy again, what to discover, what comes next."""

from typing import Any

import numpy as np
import polars as pl

from ml.tasks.next_in_cart.answers import NextInCart, last_bought
from ml.tasks.next_in_cart.state import OwnColumn, UserColumn

_SHOWN = 10  # products of a list
_EXAMPLES = 10  # shoppers in the report


class ShopperLists:
    """
    The three lists of shoppers, with names and reasons.

    Parameters
    ----------
    shop
        What answers carts.
    recommendations
        The discovery lists: user_id, rank, product_id, score, reason, sorted by the first two.
        A scan, because of all a shop's shoppers they would fill much memory.

    """

    def __init__(self, shop: NextInCart, recommendations: pl.LazyFrame) -> None:
        self.shop = shop
        self._recommendations = recommendations

    def name(self, product: int) -> str:
        """Give a product's name."""
        return self.shop.names.get(product, f"product {product}")

    def knows_product(self, product: int) -> bool:
        """Whether the catalogue has the product."""
        return product in self.shop.names

    def buy_again(self, user: int) -> list[dict[str, Any]]:
        """Give a known shopper's products, the likeliest to be bought again first."""
        state = self.shop.state
        index, own = state.index_of_user(user), state.own
        orders = state.user_values[index, UserColumn.ORDERS]
        begin, end = own.start[index], own.start[index + 1]
        return [
            self._item(
                int(state.products[own.product[at]]),
                float(own.values[at, OwnColumn.BUY_AGAIN]),
                f"in {own.values[at, OwnColumn.UP_ORDERS]:.0f} of {orders:.0f} orders,"
                f" {last_bought(own.values[at, OwnColumn.UP_ORDERS_SINCE_LAST_ORDER])}",
            )
            for at in range(begin, min(begin + _SHOWN, end))
        ]

    def discovery(self, user: int) -> list[dict[str, Any]]:
        """Give the first products of a shopper's discovery list."""
        listed = self._recommendations.filter(pl.col("user_id") == user).head(_SHOWN).collect()
        return [
            self._item(row["product_id"], row["score"], row["reason"])
            for row in listed.iter_rows(named=True)
        ]

    def without_cart(self, user: int) -> dict[str, list[dict[str, Any]]]:
        """Give a known shopper's lists that do not wait for a cart, by name."""
        return {"buy_again": self.buy_again(user), "discovery": self.discovery(user)}

    def next(
        self,
        user: int,
        cart: list[int],
        count: int = _SHOWN,
        only: Any = "all",  # noqa: ANN401
    ) -> list[dict[str, Any]]:
        """Give what may come next into a cart."""
        answer = self.shop.answer(user, cart, count, only)
        return [
            self._item(*row)
            for row in zip(answer.products, answer.scores, answer.reasons, strict=True)
        ]

    def _item(self, product: int, score: float, reason: str) -> dict[str, Any]:
        return {
            "product_id": product,
            "name": self.name(product),
            "score": score,
            "reason": reason,
        }


def example_shoppers(lists: ShopperLists) -> list[dict[str, Any]]:
    """Give all three lists of some shoppers, who are spread evenly over those with a history."""
    state = lists.shop.state
    known = state.users[np.diff(state.own.start) > 0]
    chosen = np.linspace(0, len(known) - 1, min(_EXAMPLES, len(known))).round().astype(np.int64)
    shoppers = []
    for user in known[chosen].tolist():
        again = lists.buy_again(user)
        first = again[0]
        shown = [
            {"title": "Buy again", "products": again},
            {"title": "Discover", "products": _without_scores(lists.discovery(user))},
            {
                "title": f"Next after {first['name']}",
                "products": lists.next(user, [first["product_id"]]),
            },
        ]
        shoppers.append({"user_id": user, "lists": shown})
    return shoppers


def _without_scores(products: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out scores that are no chances: the report numbers the products instead."""
    return [{k: v for k, v in one.items() if k != "score"} for one in products]

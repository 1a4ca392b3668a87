"""What a request for an answer must be."""

from dataclasses import dataclass
from typing import Any, Literal, TypeGuard

from ml.data.carts import MOST_CART
from ml.tasks.next_in_cart import parameters

_FIELDS = ("user_id", "cart", "only", "count")


class BadRequest(Exception):  # noqa: N818 - named as HTTP names it
    """A request that cannot be answered, with the sentence that says why."""


@dataclass(frozen=True)
class NextRequest:
    """A shopper, the cart so far in order, and which and how many products are asked for."""

    user_id: int
    cart: list[int]
    only: Literal["all", "new"]
    count: int


def parse_request(body: Any) -> NextRequest:  # noqa: ANN401
    """
    Check a request's JSON.

    Parameters
    ----------
    body
        What the JSON holds: user_id, cart (product ids, may be empty), optionally only (all or
        new) and count (1 to 20).

    Raises
    ------
    BadRequest
        With one sentence.

    """
    if not isinstance(body, dict):
        raise BadRequest("the body must be a JSON object with user_id and cart.")
    for name in body:
        if name not in _FIELDS:
            raise BadRequest(f"there is no field {name}: give {', '.join(_FIELDS)}.")
    user_id = body.get("user_id")
    if not _is_id(user_id):
        raise BadRequest("user_id must be a whole number.")
    cart = body.get("cart")
    if not isinstance(cart, list) or not all(_is_id(item) for item in cart):
        raise BadRequest("cart must be a list of product ids, which are whole numbers.")
    if len(cart) > MOST_CART:
        raise BadRequest(f"cart holds {len(cart)} products, and {MOST_CART} are most.")
    only = body.get("only", "all")
    if only not in ("all", "new"):
        raise BadRequest("only must be all or new.")
    count = body.get("count", 10)
    if not _is_id(count) or not 1 <= count <= parameters.ANSWERED:
        raise BadRequest(f"count must be a whole number from 1 to {parameters.ANSWERED}.")
    return NextRequest(user_id, cart, only, count)


def _is_id(value: Any) -> TypeGuard[int]:  # noqa: ANN401
    return type(value) is int and abs(value) < 1 << 63

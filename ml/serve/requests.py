"""What a request for an answer must be."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ml.data.carts import MOST_CART
from ml.tasks.next_in_cart.parameters import ANSWERED

_Id = Annotated[int, Field(ge=-(1 << 63), lt=1 << 63)]


class BadRequest(Exception):  # noqa: N818 - named as HTTP names it
    """A request that cannot be answered, with the sentence that says why."""


class NextRequest(BaseModel):
    """A shopper, the cart so far in order, and which and how many products are asked for."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    user_id: _Id = Field(description="a whole number")
    cart: list[_Id] = Field(
        max_length=MOST_CART,
        description=f"a list of product ids, which are whole numbers, at most {MOST_CART}",
    )
    only: Literal["all", "new"] = Field("all", description="all or new")
    count: int = Field(10, ge=1, le=ANSWERED, description=f"a whole number from 1 to {ANSWERED}")


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
    try:
        return NextRequest.model_validate(body)
    except ValidationError as error:
        location = error.errors()[0]["loc"]
    fields = NextRequest.model_fields
    if not location:
        raise BadRequest("the body must be a JSON object with user_id and cart.")
    name = str(location[0])
    if name not in fields:
        raise BadRequest(f"there is no field {name}: give {', '.join(fields)}.")
    raise BadRequest(f"{name} must be {fields[name].description}.")

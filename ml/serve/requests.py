"""What a request for an answer must be."""

import re
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
)

from ml.data.carts import MOST_CART
from ml.tasks.next_in_cart.parameters import ANSWERED


def _read_id(value: Any, info: ValidationInfo) -> Any:  # noqa: ANN401
    """Read an id that is given as text, where ids are text."""
    is_text = info.context and isinstance(value, str) and re.fullmatch(r"-?\d{1,19}", value)
    return int(value) if is_text else value


_Id = Annotated[int, BeforeValidator(_read_id), Field(ge=-(1 << 63), lt=1 << 63)]


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


def parse_request(body: Any, *, ids_are_text: bool = False) -> NextRequest:  # noqa: ANN401
    """
    Check a request's JSON.

    Parameters
    ----------
    body
        What the JSON holds: user_id, cart (product ids, may be empty), optionally only (all or
        new) and count (1 to 20).
    ids_are_text
        Whether ids may be text too.

    Raises
    ------
    BadRequest
        With one sentence.

    """
    try:
        return NextRequest.model_validate(body, context=ids_are_text)
    except ValidationError as error:
        location = error.errors()[0]["loc"]
    fields = NextRequest.model_fields
    if not location:
        raise BadRequest("the body must be a JSON object with user_id and cart.")
    name = str(location[0])
    if name not in fields:
        raise BadRequest(f"there is no field {name}: give {', '.join(fields)}.")
    raise BadRequest(f"{name} must be {fields[name].description}.")

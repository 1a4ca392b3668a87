"""Reads a file of carts, strictly."""

from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import polars as pl

from ml.data.arrays import Integers
from ml.data.shop_columns import hashed_key
from ml.tools.progress import say

MOST_CART = 1_000
"""Products in a cart at most; more is a mistake of whoever asks."""

_COLUMNS = ("cart_id", "user_id", "position", "product_id")


@dataclass(frozen=True)
class Cart:
    """One cart: its id, the shopper, and product ids in the order they were put there."""

    cart_id: int | str
    user_id: int
    products: Integers


def read_carts(path: Path, *, text_ids: bool = False) -> list[Cart]:
    """
    Read carts from a CSV file with the columns cart_id, user_id, position, product_id.

    One line per product in the cart; a line with empty position and product_id is an empty cart.
    A cart_id may be any text, such as a session's id.

    Parameters
    ----------
    path
        The file.
    text_ids
        Whether user_id and product_id are any text, as the shop's ids are.

    Returns
    -------
    list of Cart
        By cart_id, which are numbers if all of them are written as whole numbers, else text. A
        repeated product counts where it came first.

    Raises
    ------
    click.ClickException
        If the file is missing or damaged, lacks a column, a cart_id is empty, another value is
        empty or, but for text ids, no whole number, a cart belongs to two shoppers, two lines of a
        cart have the same position, or a cart is too large.

    """
    try:
        raw = pl.read_csv(path, infer_schema=False, glob=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise click.ClickException(f"{path} cannot be read as carts ({error}).") from None
    for name in _COLUMNS:
        if name not in raw.columns:
            raise click.ClickException(
                f"{path} lacks the column {name}: carts have {', '.join(_COLUMNS)}."
            )
    unnamed = raw["cart_id"].null_count()
    if unnamed:
        raise click.ClickException(f"{path}: column cart_id is empty in {unnamed} rows.")
    if text_ids:
        ids = pl.col("user_id", "product_id")
        raw = raw.with_columns(ids.map_elements(lambda id_: str(hashed_key(id_)), pl.String))
    numbers = pl.col(_COLUMNS[1:]).cast(pl.Int64, strict=False)
    lines = raw.select(_cart_ids(raw["cart_id"]), numbers)
    is_empty = raw["position"].is_null() & raw["product_id"].is_null()
    for name in _COLUMNS[1:]:
        damaged = lines[name].is_null()
        if name in ("position", "product_id"):
            damaged &= ~is_empty
        if damaged.any():
            fault = "is empty" if text_ids and name != "position" else "holds no whole number"
            raise click.ClickException(
                f"{path}: column {name} {fault} in {damaged.sum()} rows, first in"
                f" line {int(damaged.arg_max() or 0) + 2}."
            )
    shoppers = lines.group_by("cart_id").agg(pl.col("user_id").n_unique())
    _refuse(path, shoppers.filter(pl.col("user_id") > 1), "belongs to two shoppers")
    full = lines.filter(~is_empty)
    places = full.group_by("cart_id", "position").len().filter(pl.col("len") > 1)
    _refuse(path, places, "has two products in one position")
    large = full.group_by("cart_id").len().filter(pl.col("len") > MOST_CART)
    _refuse(path, large, f"holds more than {MOST_CART} products")
    carts = []
    for (cart_id,), cart in lines.sort("cart_id", "position").group_by(
        "cart_id", maintain_order=True
    ):
        products = cart["product_id"].drop_nulls().to_numpy()
        carts.append(Cart(cart_id, int(cart["user_id"][0]), products.astype(np.int64)))
    return carts


def say_unknown_products(carts: list[Cart], catalogue: Integers) -> None:
    """Say how many products of how many carts the shop, int64 [p], does not have, if any."""
    cart = np.repeat(np.arange(len(carts)), [len(one.products) for one in carts])
    products = np.concatenate([np.empty(0, dtype=np.int64), *(one.products for one in carts)])
    is_unknown = ~np.isin(products, catalogue)
    if is_unknown.any():
        count = len(np.unique(products[is_unknown]))
        found = len(np.unique(cart[is_unknown]))
        say(
            f"{count} {'product' if count == 1 else 'products'} of {found}"
            f" {'cart' if found == 1 else 'carts'} {'is' if count == 1 else 'are'} not known:"
            " the answers are made without them"
        )


def products_in_carts(carts: list[Cart]) -> pl.DataFrame:
    """Give user_id, product_id of all that lies in these carts."""
    return pl.DataFrame(
        {
            "user_id": [cart.user_id for cart in carts for _ in cart.products],
            "product_id": [product for cart in carts for product in cart.products.tolist()],
        },
        schema={"user_id": pl.Int64, "product_id": pl.Int64},
    )


def _cart_ids(written: pl.Series) -> pl.Series:
    """Read ids as numbers if that loses nothing of how any of them is written."""
    numbers = written.cast(pl.Int64, strict=False)
    return numbers if (numbers.cast(pl.String) == written).fill_null(value=False).all() else written


def _refuse(path: Path, carts: pl.DataFrame, fault: str) -> None:
    if carts.height:
        cart_id = carts["cart_id"].sort()[0]
        raise click.ClickException(f"{path}: cart {cart_id} {fault} ({carts.height} such cases).")

"""What the answers to a shop's carts are made of: shoppers, products and their neighbours."""

from dataclasses import dataclass, fields
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple, get_type_hints
from zipfile import BadZipFile

import click
import numpy as np
import numpy.typing as npt
import polars as pl

from ml.data.arrays import Integers, Scores
from ml.data.history import history
from ml.data.reading import DataFolder
from ml.data.users import user_parts
from ml.tasks.next_in_cart import parameters
from ml.tools.hashes import check_hash

Indices = npt.NDArray[np.int32]
"""Where products stand in a State's `products`."""


class OwnColumn(IntEnum):
    """What is known of a product that the shopper bought before, a column each."""

    BUY_AGAIN = 0
    RECENCY = 1
    UP_ORDERS = 2
    UP_ORDERS_SINCE_LAST_ORDER = 3
    UP_AVERAGE_CART_POSITION = 4


class UserColumn(IntEnum):
    """What is known of a shopper, a column each."""

    ORDERS = 0
    LINES_PER_ORDER = 1


OWN_COLUMNS = tuple(column.name.lower() for column in OwnColumn)


class OwnProducts(NamedTuple):
    """
    Products bought before, shopper by shopper, the likeliest to be bought again first.

    Those of shopper i are start[i] : start[i + 1]; start is int64 [m + 1], product int32 [n] and
    values float32 [n, OwnColumn].
    """

    start: Integers
    product: Indices
    values: Scores


class OrderLines(NamedTuple):
    """
    Order lines, shopper by shopper, by order and position in the cart.

    Those of shopper i are start[i] : start[i + 1]; start is int64 [m + 1], product int32 [l] and
    order, the order_number, int32 [l].
    """

    start: Integers
    product: Indices
    order: npt.NDArray[np.int32]


class NewProducts(NamedTuple):
    """
    The first NEW_CANDIDATES of each shopper's discovery list.

    Those of shopper i are start[i] : start[i + 1]; start is int64 [m + 1], product int32 [k] and
    score float32 [k].
    """

    start: Integers
    product: Indices
    score: Scores


class Neighbours(NamedTuple):
    """
    The NEAREST neighbours of each product, the nearest first.

    Those of product i are start[i] : start[i + 1]; start is int64 [p + 1], product int32 [q],
    cosine and confidence float32 [q].
    """

    start: Integers
    product: Indices
    cosine: Scores
    confidence: Scores


class Catalogue(NamedTuple):
    """
    What is known of each product.

    buyer_share, float32 [p]: share of the window's shoppers who bought it. popularity_rank, int32
    [p]: 1 for the product with the most buyers. aisle, department, int64 [p]: their ids.
    """

    buyer_share: Scores
    popularity_rank: npt.NDArray[np.int32]
    aisle: Integers
    department: Integers


@dataclass(frozen=True)
class State:
    """
    One window of a shop, laid out for quick answers. Products go by their index in `products`.

    Attributes
    ----------
    users
        int64 [m], rising.
    products
        int64 [p], rising: products bought in the window's histories.
    own, lines, new
        What each shopper bought before, in which orders, and what they may discover.
    near
        The neighbours of each product.
    catalogue
        Each product's popularity, aisle and department.
    user_values
        float32 [m, UserColumn].

    """

    users: Integers
    products: Integers
    own: OwnProducts
    lines: OrderLines
    new: NewProducts
    near: Neighbours
    catalogue: Catalogue
    user_values: Scores

    def index_of_user(self, user: int) -> int:
        """Give the shopper's index, -1 for one that is not known."""
        index = int(np.searchsorted(self.users, user))
        return index if index < len(self.users) and self.users[index] == user else -1

    def popular(self) -> Indices:
        """Give the most bought products, int32 [at most POPULAR_CANDIDATES]."""
        order = np.argsort(self.catalogue.popularity_rank, kind="stable")
        return order[: parameters.POPULAR_CANDIDATES].astype(np.int32)

    def save(self, path: Path) -> None:
        """Write the state as one file of arrays; those of a group are named `group_array`."""
        arrays: dict[str, npt.NDArray[np.generic]] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, tuple):
                arrays |= {f"{field.name}_{name}": one for name, one in value._asdict().items()}  # type: ignore[attr-defined]
            else:
                arrays[field.name] = value
        np.savez(path, **arrays)  # type: ignore[arg-type]


def load_state(path: Path) -> State:
    """
    Read a state.

    Raises
    ------
    click.ClickException
        If the file is missing or no such state, or not what the run recorded.

    """
    check_hash(path)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return State(
                **{
                    name: kind(*(arrays[f"{name}_{one}"] for one in kind._fields))
                    if hasattr(kind, "_fields")
                    else arrays[name]
                    for name, kind in get_type_hints(State).items()
                }
            )
    except (OSError, KeyError, ValueError, BadZipFile) as error:
        raise click.ClickException(
            f"{path} is no state of a shop ({error}): train again."
        ) from None


def build_state(
    data: DataFolder, orders_back: int, users: Integers, own: pl.DataFrame, new: pl.LazyFrame
) -> State:
    """
    Lay out one window.

    Parameters
    ----------
    data
        The exported folder.
    orders_back
        The window.
    users
        int64 [m], rising: the shoppers to lay out.
    own
        Their products, sorted as in a State: user_id, product_id and, as float32, OWN_COLUMNS.
    new
        Their discovery lists, sorted by user_id and falling score: user_id, product_id, score.
        They are read when everything else is laid out.

    """
    ranks = data.table("product_ranks", orders_back).sort("product_id").collect()
    products = ranks["product_id"].to_numpy()
    near = _neighbours(data, orders_back, products)
    lines = _lines(data, orders_back, users, products)
    user_values = _user_values(data, orders_back, users)
    own_products = OwnProducts(
        start=_starts(own["user_id"].to_numpy(), users),
        product=_indices(products, own["product_id"]),
        values=own.select(OWN_COLUMNS).to_numpy(order="c"),
    )
    del own  # of a whole shop half a gigabyte, as are the lists that follow
    listed = (
        new.select("user_id", "product_id", pl.col("score").cast(pl.Float32))
        .group_by("user_id", maintain_order=True)
        .head(parameters.NEW_CANDIDATES)
        .collect()
    )
    return State(
        users=users,
        products=products,
        own=own_products,
        lines=lines,
        new=NewProducts(
            start=_starts(listed["user_id"].to_numpy(), users),
            product=_indices(products, listed["product_id"]),
            score=listed["score"].to_numpy(),
        ),
        near=near,
        catalogue=Catalogue(
            buyer_share=ranks["prod_buyer_share"].to_numpy().astype(np.float32),
            popularity_rank=ranks["popularity_rank"].to_numpy().astype(np.int32),
            aisle=ranks["aisle_id"].to_numpy(),
            department=ranks["department_id"].to_numpy(),
        ),
        user_values=user_values,
    )


def recency(data: DataFolder, orders_back: int, users: Integers) -> pl.DataFrame:
    """
    Sum RECENCY_DECAY to the power of the orders after each purchase: the personal baseline.

    Returns
    -------
    polars.DataFrame
        user_id, product_id, recency of every product in the shoppers' histories.

    """
    return (
        _history(data, orders_back, users)
        # sorted, so that the sums are added in one order and have the same bits in every run
        .sort("user_id", "product_id", "order_number")
        .group_by("user_id", "product_id", maintain_order=True)
        .agg(recency=(pl.lit(parameters.RECENCY_DECAY).pow(pl.col("orders_ago"))).sum())
        .collect()
    )


def _user_values(data: DataFolder, orders_back: int, users: Integers) -> Scores:
    lines_per_order = pl.col("user_total_products") / pl.col("user_orders")
    return (
        pl.DataFrame({"user_id": users})
        .lazy()
        .join(
            data.table("discovery_users", orders_back),
            on="user_id",
            how="left",
            maintain_order="left",
        )
        .select(
            pl.col("user_orders").fill_null(0).cast(pl.Float32),
            lines_per_order.fill_null(0).cast(pl.Float32),
        )
        .collect()
        .to_numpy(order="c")
    )


def _neighbours(data: DataFolder, orders_back: int, products: Integers) -> Neighbours:
    near = (
        data.table("product_neighbours", orders_back)
        .filter(pl.col("neighbour_rank") <= parameters.NEAREST)
        .sort("product_id", "shrunk_cosine", "neighbour_id", descending=[False, True, False])
        .collect()
    )
    return Neighbours(
        start=_starts(near["product_id"].to_numpy(), products),
        product=_indices(products, near["neighbour_id"]),
        cosine=near["shrunk_cosine"].to_numpy().astype(np.float32),
        confidence=near["confidence"].to_numpy().astype(np.float32),
    )


def _lines(data: DataFolder, orders_back: int, users: Integers, products: Integers) -> OrderLines:
    """Lay out the order lines, read some shoppers at a time."""
    counts = [np.zeros(1, dtype=np.int64)]
    product, order = [np.empty(0, dtype=np.int32)], [np.empty(0, dtype=np.int32)]
    for some, _is_inside in user_parts(users):
        lines = (
            _history(data, orders_back, some)
            .select("user_id", "order_number", "add_to_cart_order", "product_id")
            .sort("user_id", "order_number", "add_to_cart_order", "product_id")
            .collect()
        )
        counts.append(np.diff(_starts(lines["user_id"].to_numpy(), some)))
        product.append(_indices(products, lines["product_id"]))
        order.append(lines["order_number"].to_numpy().astype(np.int32))
    return OrderLines(
        np.cumsum(np.concatenate(counts)), np.concatenate(product), np.concatenate(order)
    )


def _history(data: DataFolder, orders_back: int, users: Integers) -> pl.LazyFrame:
    """Scan the lines of the shoppers' orders before their targets of one window."""
    targets = data.window_targets(orders_back).filter(pl.col("user_id").is_in(users))
    inside = pl.col("user_id").is_between(users[0], users[-1])
    return history(targets, data.baskets().filter(inside))


def _indices(products: Integers, wanted: pl.Series) -> Indices:
    return np.searchsorted(products, wanted.to_numpy()).astype(np.int32)


def _starts(keys: Integers, values: Integers) -> Integers:
    """
    Give where each value's run of sorted keys begins, and behind the last one their number.

    Raises
    ------
    ValueError
        If there are keys of no value, which would pass for those of the value before them.

    """
    starts = np.searchsorted(keys, values)
    if (np.searchsorted(keys, values, side="right") - starts).sum() != len(keys):
        raise ValueError("rows of shoppers or products that are not laid out")
    return np.append(starts, len(keys)).astype(np.int64)

"""What the answers to a shop's carts are made of: shoppers, products and their neighbours."""

from dataclasses import dataclass, fields
from pathlib import Path
from zipfile import BadZipFile

import click
import numpy as np
import numpy.typing as npt
import polars as pl

from ml.data.arrays import Integers
from ml.data.discovery_tables import Tables
from ml.data.tables import scan_table, shopper_parts
from ml.tasks.next_in_cart import parameters

OWN_COLUMNS = (
    "buy_again",
    "recency",
    "up_orders",
    "up_orders_since_last_order",
    "up_average_cart_position",
)
NEIGHBOURS = "product_neighbours"
"""The table that next-in-cart reads beside those of discovery."""

_NEIGHBOURS = (
    "product_id",
    "neighbour_id",
    "neighbour_rank",
    "shrunk_cosine",
    "confidence",
    "orders_back",
)


@dataclass(frozen=True)
class State:
    """
    One window of a shop, laid out for quick answers. Products go by their place in `products`.

    Attributes
    ----------
    users
        int64 [m], rising.
    products
        int64 [p], rising: products bought in the window's histories.
    own_start, own_product, own_values
        int64 [m + 1], int32 [n], float32 [n, 5]: shopper i bought own_product[own_start[i] :
        own_start[i + 1]] before, the likeliest to be bought again first, with OWN_COLUMNS.
    line_start, line_product, line_order
        int64 [m + 1], int32 [l], int32 [l]: the shopper's order lines, by order and place in the
        cart, with their order_number.
    new_start, new_product, new_score
        int64 [m + 1], int32 [k], float32 [k]: the first NEW_CANDIDATES of each shopper's discovery
        list.
    near_start, near_product, near_cosine, near_confidence
        int64 [p + 1], int32 [q], float32 [q], float32 [q]: the NEAREST ones of each product.
    buyer_share
        float32 [p]: share of the window's shoppers who bought the product.
    popularity_rank
        int32 [p]: 1 for the product with the most buyers.
    aisle, department
        int64 [p]: their ids.
    user_values
        float32 [m, 2]: orders of the shopper, and lines per order.

    """

    users: Integers
    products: Integers
    own_start: Integers
    own_product: npt.NDArray[np.int32]
    own_values: npt.NDArray[np.float32]
    line_start: Integers
    line_product: npt.NDArray[np.int32]
    line_order: npt.NDArray[np.int32]
    new_start: Integers
    new_product: npt.NDArray[np.int32]
    new_score: npt.NDArray[np.float32]
    near_start: Integers
    near_product: npt.NDArray[np.int32]
    near_cosine: npt.NDArray[np.float32]
    near_confidence: npt.NDArray[np.float32]
    buyer_share: npt.NDArray[np.float32]
    popularity_rank: npt.NDArray[np.int32]
    aisle: Integers
    department: Integers
    user_values: npt.NDArray[np.float32]

    def place_of_user(self, user: int) -> int:
        """Give the shopper's place, -1 for one that is not known."""
        return _place(self.users, user)

    def popular(self) -> npt.NDArray[np.int32]:
        """Give the places of the most bought products, int32 [at most POPULAR_CANDIDATES]."""
        order = np.argsort(self.popularity_rank, kind="stable")
        return order[: parameters.POPULAR_CANDIDATES].astype(np.int32)

    def save(self, path: Path) -> None:
        """Write the state as one file of arrays."""
        np.savez(path, **{field.name: getattr(self, field.name) for field in fields(self)})


def load_state(path: Path) -> State:
    """
    Read a state.

    Raises
    ------
    click.ClickException
        If the file is missing or no such state.

    """
    try:
        with path.open("rb") as file, np.load(file) as arrays:
            return State(**{field.name: arrays[field.name] for field in fields(State)})
    except (OSError, KeyError, ValueError, BadZipFile) as error:
        raise click.ClickException(
            f"{path} is no state of a shop ({error}): train again."
        ) from None


def build_state(
    tables: Tables, orders_back: int, users: Integers, own: pl.DataFrame, new: pl.LazyFrame
) -> State:
    """
    Lay out one window.

    Parameters
    ----------
    tables
        The exported tables.
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
    ranks = tables.in_window(tables.products, orders_back).sort("product_id").collect()
    products = ranks["product_id"].to_numpy()
    shoppers = (
        pl.DataFrame({"user_id": users})
        .lazy()
        .join(
            tables.in_window(tables.shoppers, orders_back),
            on="user_id",
            how="left",
            maintain_order="left",
        )
        .select(
            pl.col("user_orders").fill_null(0).cast(pl.Float32),
            (pl.col("user_total_products") / pl.col("user_orders")).fill_null(0).cast(pl.Float32),
        )
        .collect()
    )
    near = (
        scan_table(tables.data, NEIGHBOURS, _NEIGHBOURS)
        .filter(
            (pl.col("orders_back") == orders_back)
            & (pl.col("neighbour_rank") <= parameters.NEAREST)
        )
        .sort("product_id", "shrunk_cosine", "neighbour_id", descending=[False, True, False])
        .collect()
    )
    line_start, line_product, line_order = _lines(tables, orders_back, users, products)
    own_start = _starts(own["user_id"].to_numpy(), users)
    own_product = _places(products, own["product_id"])
    own_values = own.select(OWN_COLUMNS).to_numpy(order="c")
    del own  # of a whole shop half a gigabyte, as are the lists that follow
    listed = (
        new.select("user_id", "product_id", pl.col("score").cast(pl.Float32))
        .group_by("user_id", maintain_order=True)
        .head(parameters.NEW_CANDIDATES)
        .collect()
    )
    window_shoppers = tables.targets.filter(pl.col("orders_back") == orders_back).height
    return State(
        users=users,
        products=products,
        own_start=own_start,
        own_product=own_product,
        own_values=own_values,
        line_start=line_start,
        line_product=line_product,
        line_order=line_order,
        new_start=_starts(listed["user_id"].to_numpy(), users),
        new_product=_places(products, listed["product_id"]),
        new_score=listed["score"].to_numpy(),
        near_start=_starts(near["product_id"].to_numpy(), products),
        near_product=_places(products, near["neighbour_id"]),
        near_cosine=near["shrunk_cosine"].to_numpy().astype(np.float32),
        near_confidence=near["confidence"].to_numpy().astype(np.float32),
        buyer_share=(ranks["prod_first_orders"].to_numpy() / max(window_shoppers, 1)).astype(
            np.float32
        ),
        popularity_rank=ranks["popularity_rank"].to_numpy().astype(np.int32),
        aisle=ranks["aisle_id"].to_numpy(),
        department=ranks["department_id"].to_numpy(),
        user_values=shoppers.to_numpy(order="c"),
    )


def recency(tables: Tables, orders_back: int, users: Integers) -> pl.DataFrame:
    """
    Sum RECENCY_DECAY to the power of the orders after each purchase: the personal baseline.

    Returns
    -------
    polars.DataFrame
        user_id, product_id, recency of every product in the shoppers' histories.

    """
    ago = pl.col("end") - 1 - pl.col("order_number")
    return (
        _history(tables, orders_back, users)
        # sorted, so that the sums are added in one order and have the same bits in every run
        .sort("user_id", "product_id", "order_number")
        .group_by("user_id", "product_id", maintain_order=True)
        .agg(recency=(pl.lit(parameters.RECENCY_DECAY).pow(ago)).sum())
        .collect()
    )


def _lines(
    tables: Tables, orders_back: int, users: Integers, products: Integers
) -> tuple[Integers, npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Give line_start, line_product and line_order of a State, read some shoppers at a time."""
    counts = [np.zeros(1, dtype=np.int64)]
    product, order = [np.empty(0, dtype=np.int32)], [np.empty(0, dtype=np.int32)]
    for some, _is_inside in shopper_parts(users):
        lines = (
            _history(tables, orders_back, some)
            .select("user_id", "order_number", "add_to_cart_order", "product_id")
            .sort("user_id", "order_number", "add_to_cart_order")
            .collect()
        )
        counts.append(np.diff(_starts(lines["user_id"].to_numpy(), some)))
        product.append(_places(products, lines["product_id"]))
        order.append(lines["order_number"].to_numpy().astype(np.int32))
    return np.cumsum(np.concatenate(counts)), np.concatenate(product), np.concatenate(order)


def _history(tables: Tables, orders_back: int, users: Integers) -> pl.LazyFrame:
    """Scan the lines of the shoppers' orders before their targets, with `end`, the target's."""
    ends = tables.targets.filter(
        (pl.col("orders_back") == orders_back) & pl.col("user_id").is_in(users)
    ).select("user_id", end=pl.col("order_number").cast(pl.Int64))
    inside = pl.col("user_id").is_between(users[0], users[-1])
    return (
        tables.baskets.filter(inside)
        .join(ends.lazy(), on="user_id")
        .filter(pl.col("order_number") < pl.col("end"))
    )


def _places(products: Integers, wanted: pl.Series) -> npt.NDArray[np.int32]:
    return np.searchsorted(products, wanted.to_numpy()).astype(np.int32)


def _starts(keys: Integers, values: Integers) -> Integers:
    """Give where each value's run of sorted keys begins, and behind the last one their number."""
    return np.append(np.searchsorted(keys, values), len(keys)).astype(np.int64)


def _place(values: Integers, wanted: int) -> int:
    place = int(np.searchsorted(values, wanted))
    return place if place < len(values) and values[place] == wanted else -1

"""The raw files as the Polars scripts read them: orders, and lines that are sorted once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import click
import polars as pl

LINES_PER_PIECE = 500_000
_POSITION_BITS = 17  # the raw files' rules allow places in a cart up to 99,999
_KEY_BITS = 64

_ORDER_TYPES = {
    "order_number": pl.Int32,
    "order_dow": pl.Int32,
    "order_hour_of_day": pl.Int32,
    "days_since_prior_order": pl.Float64,
}


@dataclass(frozen=True)
class Packing:
    """
    A line as one number, which is greater for a later shopper, product or order.

    Numbers are sorted in a tenth of the time that rows of three columns take.
    """

    product_bits: int
    number_bits: int

    @property
    def pair_unit(self) -> int:
        """What one shopper more adds to a pair's number."""
        return 1 << self.product_bits

    @property
    def _order_unit(self) -> int:
        return 1 << (_POSITION_BITS + 1)

    @property
    def _product_unit(self) -> int:
        return self._order_unit << self.number_bits

    @property
    def user_unit(self) -> int:
        """What one shopper more adds to a line's number."""
        return self._product_unit << self.product_bits

    def pair(self) -> pl.Expr:
        """Give the number of user and product."""
        return pl.col("user").cast(pl.UInt64) * self.pair_unit + pl.col("product")

    def order(self) -> pl.Expr:
        """Give the part of a line's number that its order says."""
        user, number = (pl.col(name).cast(pl.UInt64) for name in ("user", "order_number"))
        return user * self.user_unit + number * self._order_unit

    def rest_of_line(self) -> pl.Expr:
        """Give the other part of a line's number."""
        product, position, reordered = (
            pl.col(name).cast(pl.UInt64) for name in ("product", "add_to_cart_order", "reordered")
        )
        return product * self._product_unit + position * 2 + reordered

    def unpacked(self) -> list[pl.Expr]:
        """Give what a line's number was made of, and its pair's number."""
        line = pl.col("line")
        product = line // self._product_unit % self.pair_unit
        number = line // self._order_unit % (1 << self.number_bits)
        return [
            (line // self._product_unit).alias("pair"),
            (line // self.user_unit).cast(pl.UInt32).alias("user"),
            product.cast(pl.UInt32).alias("product"),
            number.cast(pl.Int32).alias("order_number"),
            (line // 2 % (1 << _POSITION_BITS)).cast(pl.Int32).alias("cart_position"),
            (line % 2).cast(pl.Int32).alias("reordered"),
        ]


@dataclass(frozen=True)
class Shop:
    """
    The files but for the lines of prior orders.

    Attributes
    ----------
    orders
        Prior orders by shopper and order_number; `user` counts the shoppers from 0, orders_ago the
        orders from the shopper's last one.
    targets
        The orders to predict; `user` is null where nothing came before.
    baskets
        What is known of those: user and `pair`, one number per shopper and product.
    catalogue
        The products by product_id; `product` counts them from 0.
    packing
        How a line becomes one number.

    """

    orders: pl.DataFrame
    targets: pl.DataFrame
    baskets: pl.DataFrame
    catalogue: pl.DataFrame
    packing: Packing


@dataclass(frozen=True)
class Piece:
    """
    Some shoppers who stand side by side.

    Attributes
    ----------
    orders
        Their rows of `Shop.orders`.
    lines
        Their lines by shopper, product and order: pair, user, product, order_number, cart_position
        and reordered.

    """

    orders: pl.DataFrame
    lines: pl.DataFrame

    def own(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Give the rows of a frame that are these shoppers'."""
        users = self.orders["user"]
        return frame.filter(pl.col("user").is_between(users.first(), users.last()))

    def order_rows(self) -> pl.Series:
        """Give the row in `orders` of each line's order."""
        user = pl.col("user")
        first_rows = self.orders.select(user.ne_missing(user.shift()).arg_true()).to_series()
        place = self.lines["user"] - self.orders["user"].first()
        # a shopper's orders are numbered without a gap
        return first_rows.gather(place) + self.lines["order_number"] - 1


def read_shop(raw: Path) -> Shop:
    """
    Read the small files.

    Raises
    ------
    click.ClickException
        If shoppers, products and orders are too many for a line to be one number.

    """
    every_order = pl.read_csv(
        raw / "orders.csv", schema_overrides=_ORDER_TYPES, glob=False
    ).with_columns(pl.col("days_since_prior_order").cast(pl.Int32))
    orders = (
        every_order.lazy()
        .filter(pl.col("eval_set") == "prior")
        .drop("eval_set")
        .sort("user_id", "order_number")
        .with_columns(user=pl.col("user_id").rle_id())
        .with_columns(orders_ago=pl.max("order_number").over("user") - pl.col("order_number"))
        .collect()
    )
    targets = (
        every_order.lazy()
        .filter(pl.col("eval_set") != "prior")
        .join(orders.lazy().select("user_id", "user").unique(), on="user_id", how="left")
        .collect()
    )
    is_organic = pl.col("product_name").str.to_lowercase().str.contains("organic", literal=True)
    catalogue = (
        pl.read_csv(raw / "products.csv", glob=False)
        .select("product_id", "aisle_id", "department_id", is_organic=is_organic.cast(pl.Int32))
        .sort("product_id")
        .with_row_index("product")
    )
    packing = _packing(orders, catalogue)
    baskets = (
        pl.scan_csv(raw / "order_products__train.csv", glob=False)
        .join(targets.lazy().select("order_id", "user"), on="order_id")
        .join(catalogue.lazy().select("product_id", "product"), on="product_id")
        .select("user", pair=packing.pair())
        .collect()
    )
    return Shop(orders, targets, baskets, catalogue, packing)


def _packing(orders: pl.DataFrame, catalogue: pl.DataFrame) -> Packing:
    last_user, last_number = orders.select(pl.max("user"), pl.max("order_number")).row(0)
    product_bits, number_bits = catalogue.height.bit_length(), last_number.bit_length()
    if last_user.bit_length() + product_bits + number_bits + _POSITION_BITS + 1 > _KEY_BITS:
        raise click.ClickException("The shop is too large for this script.")
    return Packing(product_bits, number_bits)


def read_pieces(raw: Path, shop: Shop) -> Iterator[Piece]:
    """Read the lines of prior orders, in pieces of about LINES_PER_PIECE lines."""
    packing, users = shop.packing, shop.orders["user"]
    lines = (
        pl.scan_csv(raw / "order_products__prior.csv", glob=False)
        .join(shop.orders.lazy().select("order_id", order=packing.order()), on="order_id")
        .join(shop.catalogue.lazy().select("product_id", "product"), on="product_id")
        .select(line=pl.col("order") + packing.rest_of_line())
        .collect(engine="streaming")
        .to_series()
        .sort()
    )
    later = (lines.gather_every(LINES_PER_PIECE) // packing.user_unit).unique().sort()[1:]
    cuts = pl.Series([0, *later, users.n_unique()], dtype=pl.UInt64)
    order_cuts = users.search_sorted(cuts.cast(pl.UInt32))
    line_cuts = lines.search_sorted(cuts * packing.user_unit)
    for (row, next_row), (place, next_place) in zip(
        pairwise(order_cuts), pairwise(line_cuts), strict=True
    ):
        yield Piece(
            shop.orders[row:next_row],
            lines[place:next_place].to_frame("line").select(packing.unpacked()),
        )


def pairs_of(lines: pl.DataFrame, sums: Sequence[str], firsts: Sequence[str] = ()) -> pl.DataFrame:
    """
    Give one row per shopper and product.

    Their lines stand side by side, so a sum is the difference of two running totals.

    Parameters
    ----------
    lines
        Those of a piece.
    sums
        Columns to add up; they keep their names.
    firsts
        Columns whose first value is wanted, as first_<name>; of all others it is the last one.

    """
    first = lines.select(pl.col("pair").ne_missing(pl.col("pair").shift()).arg_true()).to_series()
    last = first.shift(-1, fill_value=lines.height) - 1
    begun = lines.select("order_number", *firsts)[first]
    total = pl.col(sums)
    return (
        lines.with_columns(total.cast(pl.Int64).cum_sum())[last]
        .with_columns(
            total - total.shift(fill_value=0),
            (last - first + 1).cast(pl.Int32).alias("up_orders"),
            begun["order_number"].alias("up_first_order"),
            *(begun[name].alias(f"first_{name}") for name in firsts),
        )
        .rename({"order_number": "up_last_order"})
    )


def ratio(numerator: pl.Expr, denominator: pl.Expr) -> pl.Expr:
    """Divide; null where the denominator is 0, for which Polars gives inf."""
    return numerator / pl.when(denominator != 0).then(denominator)

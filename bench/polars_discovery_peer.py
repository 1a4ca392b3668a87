"""
The tables of discovery and next-in-cart, as a strong engineer would make them in Polars.

Raw CSV files in, Parquet files out, for `windows: 1`. A table with many rows per shopper is a
folder of files, one after the other.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click
import polars as pl

from bench.polars_base import pair_sums, totals_of
from bench.polars_shop import Packing, Piece, Shop, ratio, read_pieces, read_shop
from ml.tools.machine import cores
from ml.tools.prefetch import ahead

# the numbers that the models of these names have
_MOST_ORDERS = 600_000  # counted_orders
_MOST_SAMPLED = 10_000  # discovery_users
_ORDERS_PER_MEETING = 200_000  # product_neighbours
_SHRINKAGE = 3
_ORDERS_WITHOUT = 60
_NEAREST = 50
_LIKELIEST = 10
_MOST_POPULAR = 60  # discovery_candidates
_AISLES_PER_USER = 8
_PRODUCTS_PER_AISLE = 5
_OWN_PRODUCTS = 20
_MOST_TOGETHER = 40
_UNIT = 1_000_000_000

_HALF = 1 << 32


@dataclass(frozen=True)
class Part:
    """
    What the shoppers of a piece come to.

    Attributes
    ----------
    users
        One row per shopper, in the order of `user`.
    pairs
        One row per product of a shopper with an order to predict.
    aisles
        One row per aisle of such a shopper.
    totals
        Sums by product, over all shoppers.
    lines
        Lines of counted orders by product.
    meetings
        One number per counted order and two of its products.

    """

    users: pl.DataFrame
    pairs: pl.DataFrame
    aisles: pl.DataFrame
    totals: pl.DataFrame
    lines: pl.DataFrame
    meetings: pl.Series


@click.command()
@click.argument("raw", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
def main(raw: Path, out: Path) -> None:
    """Read the raw files in the folder RAW and write the tables to the folder OUT."""
    for folder in ("user_aisle_ranks", "discovery_candidates"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    shop = read_shop(raw)
    counted = counted_orders(shop.orders)
    oldest, orders_counted, _ = counted.row(0)
    parts = list(ahead(partial(count, shop, oldest), read_pieces(raw, shop), threads=cores()))
    parts.append(newcomers(shop, parts[-1]))
    ranks = product_ranks(
        pl.concat(part.totals for part in parts), shop.catalogue, shop.orders["user"].n_unique()
    )
    neighbours = product_neighbours(
        pl.concat(part.meetings for part in parts),
        pl.concat(part.lines for part in parts).group_by("product").sum(),
        ranks["product_id"],
        orders_counted,
    )
    counted.write_parquet(out / "counted_orders.parquet")
    discovery_users(parts).write_parquet(out / "discovery_users.parquet")
    bought = ranks.filter(pl.col("prod_orders").is_not_null())
    bought.drop("product").write_parquet(out / "product_ranks.parquet")
    neighbours.drop("product", "neighbour").write_parquet(out / "product_neighbours.parquet")
    near = likeliest(neighbours, ranks)

    def write(numbered: tuple[int, Part]) -> None:
        number, part = numbered
        for folder, rows in (
            ("user_aisle_ranks", user_aisle_ranks(part)),
            ("discovery_candidates", discovery_candidates(shop.packing, ranks, near, part)),
        ):
            rows.write_parquet(out / folder / f"{number:05}.parquet")

    for _ in ahead(write, enumerate(parts), threads=cores()):
        pass


def counted_orders(orders: pl.DataFrame) -> pl.DataFrame:
    """Say up to which age the orders are counted in which products meet."""
    counted = pl.col("orders_counted")
    return (
        orders.lazy()
        .group_by(oldest_orders_ago="orders_ago")
        .agg(orders_counted=pl.len().cast(pl.Int64))
        .sort("oldest_orders_ago")
        .with_columns(counted.cum_sum(), orders_back=pl.lit(0))
        .filter((pl.col("oldest_orders_ago") == 0) | (counted <= _MOST_ORDERS))
        .last()
        .collect()
    )


def count(shop: Shop, oldest: int, piece: Piece) -> Part:
    """Count what the tables take of some shoppers."""
    pairs = pair_sums(piece.lines)
    predicted = piece.own(shop.targets)["user"].implode()
    own = pairs.hstack(shop.catalogue.select("aisle_id", "is_organic")[pairs["product"]]).lazy()
    of_predicted = own.filter(pl.col("user").is_in(predicted))
    from_pairs = own.group_by("user").agg(
        user_total_products=pl.sum("up_orders"),
        organic_lines=(pl.col("up_orders") * pl.col("is_organic")).sum(),
    )
    users = (
        piece.orders.lazy()
        .group_by("user", "user_id")
        .agg(user_orders=pl.max("order_number"))
        .join(from_pairs, on="user", how="left")
        .with_columns(
            pl.col("user_total_products").fill_null(0),
            is_predicted=pl.col("user").is_in(predicted),
        )
        .sort("user")
    )
    aisles = (
        of_predicted.group_by("user", "aisle_id")
        .agg(
            aisle_lines=pl.sum("up_orders"),
            aisle_products=pl.len(),
            aisle_last_order=pl.max("up_last_order"),
        )
        .sort("user", "aisle_id")
        .with_columns(aisle_place=_place(_packed("aisle_lines", "aisle_products")).over("user"))
    )
    orders = piece.order_rows()
    lines = (
        piece.lines.lazy()
        .select("product", order=orders, orders_ago=piece.orders["orders_ago"].gather(orders))
        .filter(pl.col("orders_ago") <= oldest)
        .select("product", "order")
        .collect()
        .lazy()
    )
    meetings = (
        lines.join(lines, on="order")
        .filter(pl.col("product") < pl.col("product_right"))
        .select(_packed("product", "product_right"))
    )
    return Part(
        users.collect(),
        of_predicted.select(
            "pair",
            "user",
            "product",
            up_place=_place(_packed("up_orders", "up_last_order")).over("user"),
        ).collect(),
        aisles.collect(),
        totals_of(pairs),
        lines.group_by("product").agg(product_orders=pl.len().cast(pl.Int64)).collect(),
        meetings.collect().to_series(),
    )


def _packed(first: str, second: str) -> pl.Expr:
    """Give one number that has the order of both columns, which is much faster to sort."""
    return pl.col(first).cast(pl.UInt64) * _HALF + pl.col(second).cast(pl.UInt64)


def _place(value: pl.Expr) -> pl.Expr:
    """Count from the largest value down; equal ones stay as they stand."""
    return value.rank("ordinal", descending=True).cast(pl.Int32)


def _divided(value: pl.Expr, number: int) -> pl.Expr:
    """Divide by a number; by one that is no column Polars multiplies with its reciprocal."""
    return value / (value * 0 + number)


def newcomers(shop: Shop, other: Part) -> Part:
    """Give the part of those whose first order is to be predicted; `other` says the columns."""
    users = (
        shop.targets.filter(pl.col("user").is_null())
        .sort("user_id")
        .select("user_id", is_predicted=True)
        .with_row_index("user", offset=shop.orders["user"].n_unique())
    )
    return Part(
        pl.concat([other.users.clear(), users], how="diagonal"),
        other.pairs.clear(),
        other.aisles.clear(),
        other.totals.clear(),
        other.lines.clear(),
        other.meetings.clear(),
    )


def product_ranks(totals: pl.DataFrame, catalogue: pl.DataFrame, shoppers: int) -> pl.DataFrame:
    """Rank the products, in the shop and in their aisles; null for those that nobody bought."""
    place = _place(_packed("prod_first_orders", "prod_orders"))
    return (
        catalogue.rename({"is_organic": "prod_is_organic"})
        .join(totals.group_by("product").sum(), on="product", how="left")
        .sort("product")
        .with_columns(
            popularity_rank=place,
            aisle_rank=place.over("aisle_id"),
            prod_buyer_share=_divided(pl.col("prod_first_orders"), shoppers),
            orders_back=pl.lit(0),
        )
    )


def product_neighbours(
    meetings: pl.Series, lines: pl.DataFrame, ids: pl.Series, orders_counted: int
) -> pl.DataFrame:
    """
    Score the products that were bought together.

    Parameters
    ----------
    meetings
        One number per order and two of its products.
    lines
        In how many orders a product is.
    ids
        product_id of each product.
    orders_counted
        How many orders there are.

    """
    together, orders, neighbour_orders = (
        pl.col(name) for name in ("orders_together", "product_orders", "neighbour_orders")
    )
    pairs = (
        meetings.sort()
        .rle()
        .struct.unnest()
        .lazy()
        .select(
            one=(pl.col("value") // _HALF).cast(pl.UInt32),
            other=(pl.col("value") % _HALF).cast(pl.UInt32),
            orders_together=pl.col("len").cast(pl.Int64),
        )
        .filter((2 * together - 1) * _ORDERS_PER_MEETING > 2 * orders_counted)
        .join(lines.lazy().rename({"product": "one", "product_orders": "one_orders"}), on="one")
        .join(
            lines.lazy().rename({"product": "other", "product_orders": "other_orders"}), on="other"
        )
    )
    both_ways = pl.concat(
        pairs.select(
            together,
            product=product,
            neighbour=neighbour,
            product_orders=f"{product}_orders",
            neighbour_orders=f"{neighbour}_orders",
        )
        for product, neighbour in (("one", "other"), ("other", "one"))
    )
    return (
        both_ways.sort(_packed("product", "neighbour"))
        .with_columns(
            shrunk_cosine=together
            / (orders * neighbour_orders).cast(pl.Float64).sqrt()
            * (together / (together + _SHRINKAGE)),
        )
        .with_columns(
            neighbour_rank=_place(pl.col("shrunk_cosine")).over("product"),
            # the confidences of one product have the order of its meetings
            confidence_rank=_place(_packed("orders_together", "neighbour_orders")).over("product"),
        )
        .filter((pl.col("neighbour_rank") <= _NEAREST) | (pl.col("confidence_rank") <= _LIKELIEST))
        .select(
            "product",
            "neighbour",
            "neighbour_rank",
            "confidence_rank",
            "orders_together",
            "shrunk_cosine",
            product_id=pl.lit(ids).gather("product"),
            neighbour_id=pl.lit(ids).gather("neighbour"),
            pair_support=_divided(together, orders_counted),
            confidence=together / orders,
            shrunk_confidence=together / (orders + _ORDERS_WITHOUT),
            lift=together * orders_counted / (orders * neighbour_orders),
            orders_back=pl.lit(0),
        )
        .collect()
    )


def likeliest(neighbours: pl.DataFrame, ranks: pl.DataFrame) -> pl.DataFrame:
    """Give the likeliest neighbours of each product as lists, with their confidences."""
    units = pl.col("shrunk_confidence") * _UNIT
    lists = (
        neighbours.lazy()
        .filter(pl.col("confidence_rank") <= _LIKELIEST)
        .group_by("product")
        .agg("neighbour", together_units=units.floor().cast(pl.Int64))
    )
    return (
        ranks.lazy()
        .select("product")
        .join(lists, on="product", how="left")
        .sort("product")
        .select("together_units", product="neighbour")
        .collect()
    )


def discovery_users(parts: list[Part]) -> pl.DataFrame:
    """Give the shoppers with an order to predict, some of whom are sampled."""
    shuffled = pl.col("user_id") % 65536 * 40503 % 65536
    return (
        pl.concat(part.users for part in parts)
        .lazy()
        .filter("is_predicted")
        .sort(shuffled, "user_id")
        .with_row_index("place")
        .select(
            "user_id",
            "user_orders",
            "user_total_products",
            is_sampled=(pl.col("place") < _MOST_SAMPLED).cast(pl.Int32),
            user_organic_ratio=ratio(pl.col("organic_lines"), pl.col("user_total_products")),
            orders_back=pl.lit(0),
        )
        .sort("user_id")
        .collect()
    )


def user_aisle_ranks(part: Part) -> pl.DataFrame:
    """Give the aisles of some shoppers by their ids."""
    ids = part.users.select("user", "user_id")
    return (
        part.aisles.lazy()
        .join(ids.lazy(), on="user")
        .drop("user")
        .with_columns(orders_back=pl.lit(0))
        .sort("user_id", "aisle_id")
        .collect()
    )


def discovery_candidates(
    packing: Packing, ranks: pl.DataFrame, near: pl.DataFrame, part: Part
) -> pl.DataFrame:
    """
    Give what some shoppers might discover.

    Parameters
    ----------
    packing
        How shopper and product make one number.
    ranks
        One row per product.
    near
        The likeliest neighbours of each product.
    part
        The shoppers.

    """
    own = part.pairs.filter(pl.col("up_place") <= _OWN_PRODUCTS)
    is_new = ~pl.col("pair").is_in(part.pairs["pair"].implode())
    user, product = (
        place.cast(pl.UInt32)
        for place in (pl.col("pair") // packing.pair_unit, pl.col("pair") % packing.pair_unit)
    )
    rows = (
        _popular(packing, ranks, part)
        .filter(is_new)
        .join(_together(packing, near, own, is_new), on="pair", how="full", coalesce=True)
        .with_columns(user=user, product=product)
        .collect()
    )
    return (
        rows.hstack(part.users.select("user_id")[rows["user"] - part.users["user"].first()])
        .hstack(ranks.select("product_id")[rows["product"]])
        .lazy()
        .join(
            own.lazy().select("user", "up_place", together_with="product"),
            on=["user", "up_place"],
            how="left",
        )
        .sort("pair")
        .select(
            "user_id",
            "product_id",
            "together_rank",
            "together_products",
            together_score=_divided(pl.col("together_units"), _UNIT),
            together_with_product_id=pl.lit(ranks["product_id"]).gather("together_with"),
            orders_back=pl.lit(0),
        )
        .collect()
    )


def _popular(packing: Packing, ranks: pl.DataFrame, part: Part) -> pl.LazyFrame:
    """Give what sells best in the shop and in a shopper's aisles, as pairs."""
    products, rank = ranks.lazy(), pl.col("popularity_rank")
    of_shop = (
        part.users.lazy()
        .filter("is_predicted")
        .select("user")
        .join(products.filter(rank <= _MOST_POPULAR).select("product"), how="cross")
    )
    of_aisles = (
        part.aisles.lazy()
        .filter(pl.col("aisle_place") <= _AISLES_PER_USER)
        .join(products.filter(pl.col("aisle_rank") <= _PRODUCTS_PER_AISLE), on="aisle_id")
        .select("user", "product")
    )
    return pl.concat([of_shop, of_aisles]).select(pair=packing.pair()).unique()


def _together(
    packing: Packing, near: pl.DataFrame, own: pl.DataFrame, is_new: pl.Expr
) -> pl.LazyFrame:
    """Give what is often bought together with a shopper's own products, by pair."""
    units, product = pl.col("together_units"), pl.col("pair") % packing.pair_unit
    return (
        own.select("user", "up_place")
        .hstack(near[own["product"]])
        .lazy()
        .explode("product", "together_units")
        .drop_nulls("product")
        # the nearest own product, of equally near ones the first, in one number to take the most of
        .select(
            units,
            pair=packing.pair(),
            nearest=units * _OWN_PRODUCTS + _OWN_PRODUCTS - pl.col("up_place"),
        )
        .filter(is_new)
        .group_by("pair")
        .agg(units.sum(), pl.max("nearest"), together_products=pl.len())
        .with_columns(user=pl.col("pair") // packing.pair_unit)
        .with_columns(
            together_rank=_place(units * packing.pair_unit - product.cast(pl.Int64)).over("user")
        )
        .filter(pl.col("together_rank") <= _MOST_TOGETHER)
        .select(
            "pair",
            "together_units",
            "together_products",
            "together_rank",
            up_place=(_OWN_PRODUCTS - pl.col("nearest") % _OWN_PRODUCTS).cast(pl.Int32),
        )
    )


if __name__ == "__main__":
    main()

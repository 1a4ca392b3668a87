"""Why a product is recommended, in a shopper's words."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

MOST_REASONS = 3
"""How many reasons a recommendation gets at most."""


@dataclass(frozen=True)
class _Ground:
    """What several features say together: those it is told by, and its words."""

    features: re.Pattern[str]
    words: Callable[[set[str]], pl.Expr]


def reasons(rows: pa.Table, contributions: npt.NDArray[np.float64]) -> list[str]:
    """
    Say for each candidate what speaks for it most.

    Features that mean the same to a shopper are taken together, and their contributions added up.
    Of those that raise the chance the strongest are put into words; where none does, how often the
    product was bought is said all the same.

    Parameters
    ----------
    rows
        n candidates: the features of a model, up_orders, up_last_order and user_orders among them.
    contributions
        float64 [n, features]: what each feature adds to the log odds.

    Returns
    -------
    list of str
        n sentences such as "in 5 of 9 orders, last 8 days ago": the days up to the order to
        predict, where the features hold them, else "in the last order" or "last 3 orders ago", the
        order before the one to predict being 1 order ago.

    """
    names = rows.column_names
    frame = pl.DataFrame(rows)
    grounds = list(_GROUNDS.values())
    columns = [
        [index for index, name in enumerate(names) if _ground_of(name) == ground]
        for ground in _GROUNDS
    ]
    strength = np.stack([contributions[:, own].sum(axis=1) for own in columns], axis=1)
    words = frame.select(
        ground.words(set(names)).alias(str(index)) for index, ground in enumerate(grounds)
    ).rows()
    order = np.argsort(-strength, axis=1, kind="stable")
    return [
        ", ".join(_strongest(words[row], strength[row], order[row])) for row in range(frame.height)
    ]


def facts(rows: pa.Table) -> list[str]:
    """Say how often and when each candidate was bought, whatever the model makes of it."""
    names = set(rows.column_names)
    words = pl.DataFrame(rows).select(
        pl.format("{}, {}", _how_often(names), _how_recently(names)).alias("words")
    )
    return words["words"].to_list()


def _strongest(
    words: tuple[str | None, ...], strength: npt.NDArray[np.float64], order: npt.NDArray[np.int64]
) -> list[str]:
    chosen = [
        text
        for index in order
        if strength[index] > 0
        for text in [words[index]]
        if text is not None
    ]
    return chosen[:MOST_REASONS] or [str(words[list(_GROUNDS).index(_OFTEN)])]


def _ground_of(feature: str) -> str | None:
    for name, ground in _GROUNDS.items():
        if ground.features.search(feature):
            return name
    return None


def _how_often(names: set[str]) -> pl.Expr:
    orders = pl.col("user_orders").cast(pl.Int64)
    often = pl.format("in {} of {} {}", pl.col("up_orders").cast(pl.Int64), orders, _orders(orders))
    if "up_orders_in_last_5" in names:
        recent = pl.col("up_orders_in_last_5").cast(pl.Int64)
        often = (
            pl.when((orders > 5) & (recent >= 3))  # noqa: PLR2004 - most of the last five
            .then(pl.format("in {} of the last 5 orders", recent))
            .otherwise(often)
        )
    return often


def _how_recently(names: set[str]) -> pl.Expr:
    ago = (pl.col("user_orders") - pl.col("up_last_order") + 1).cast(pl.Int64)
    recently = (
        pl.when(ago == 1)
        .then(pl.lit("in the last order"))
        .otherwise(pl.format("last {} orders ago", ago))
    )
    # up_days_since_last_order ends at the last known order: how long ago that was nobody knows
    if "ctx_up_days_since_last_order" not in names:
        return recently
    days = pl.col("ctx_up_days_since_last_order").cast(pl.Int64)
    in_days = (
        pl.when(days == 0)
        .then(pl.lit("last today"))
        .otherwise(pl.format("last {} {} ago", days, _days(days)))
    )
    return pl.coalesce(in_days, recently)


def _how_regularly(names: set[str]) -> pl.Expr:
    for name in ("up_median_days_between", "up_mean_days_between"):
        if name in names:
            days = pl.col(name).round().cast(pl.Int64)
            return (
                pl.when(days == 1)
                .then(pl.lit("usually every day"))
                .when(days > 1)
                .then(pl.format("usually every {} days", days))
            )
    return pl.lit(None, pl.String)


def _what_others_do(names: set[str]) -> pl.Expr:
    if "prod_reorder_probability" not in names:
        return pl.lit(None, pl.String)
    share = (100 * pl.col("prod_reorder_probability")).round().cast(pl.Int64)
    return pl.format("{} % of its buyers buy it again", share)


def _place_in_cart(names: set[str]) -> pl.Expr:
    if "up_average_cart_position" not in names:
        return pl.lit(None, pl.String)
    early = pl.col("up_average_cart_position") <= 5  # noqa: PLR2004 - among the first five
    return pl.when(early).then(pl.lit("usually early in the cart"))


def _moment(_: set[str]) -> pl.Expr:
    return pl.lit("it fits the time of this order")


def _shelf(_: set[str]) -> pl.Expr:
    return pl.lit("you often buy from this shelf")


def _shopper(_: set[str]) -> pl.Expr:
    return pl.lit("you often buy things again")


# the first pattern that a feature's name fits counts
_OFTEN = "how often"
_GROUNDS = {
    "shelf": _Ground(re.compile(r"aisle|department"), _shelf),
    "how regularly": _Ground(re.compile(r"^(ctx_)?up_.*(overdue|between)"), _how_regularly),
    "how recently": _Ground(re.compile(r"^(ctx_)?up_.*(since_last|last_order)"), _how_recently),
    "place in the cart": _Ground(re.compile(r"^up_.*cart"), _place_in_cart),
    "moment": _Ground(re.compile(r"^ctx_|^order_|^days_since_prior_order"), _moment),
    _OFTEN: _Ground(re.compile(r"^up_"), _how_often),
    "others": _Ground(re.compile(r"^prod_"), _what_others_do),
    "shopper": _Ground(re.compile(r"^user_"), _shopper),
}


def _orders(count: pl.Expr) -> pl.Expr:
    return pl.when(count == 1).then(pl.lit("order")).otherwise(pl.lit("orders"))


def _days(count: pl.Expr) -> pl.Expr:
    return pl.when(count == 1).then(pl.lit("day")).otherwise(pl.lit("days"))

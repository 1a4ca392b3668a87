"""The other features of data.csv, in Polars."""

from itertools import chain

import numpy as np
import polars as pl

from bench.polars_base import BASE_COLUMNS, Part, base_products, base_rows, pair_sums, part_of
from bench.polars_shop import Piece, Shop, ratio

COLUMNS = (
    *BASE_COLUMNS[:-1],
    "user_median_days_since_prior",
    "user_sd_days_since_prior",
    "user_last_days_since_prior",
    "user_last_days_over_median",
    "user_sd_basket",
    "user_last_basket",
    "user_basket_trend",
    "user_recent_reorder_ratio",
    "user_none_ratio",
    "user_orders_in_last_30_days",
    "user_mean_hour_of_day",
    "user_organic_ratio",
    "prod_aisle_id",
    "prod_department_id",
    "prod_is_organic",
    "prod_average_cart_position",
    "prod_one_shot_ratio",
    "prod_mean_days_between",
    "prod_reorders_per_opportunity",
    "prod_next_order_ratio",
    "prod_recent_order_ratio",
    "prod_shrunk_reorder_probability",
    "prod_shrunk_reorders_per_opportunity",
    "prod_shrunk_next_order_ratio",
    "prod_shrunk_days_between",
    "prod_shrunk_cart_position",
    "up_days_since_last_order",
    "up_bought_1_back",
    "up_bought_2_back",
    "up_bought_3_back",
    "up_bought_4_back",
    "up_bought_5_back",
    "up_orders_in_last_5",
    "up_orders_in_last_10",
    "up_streak",
    "up_decayed_orders",
    "up_decayed_days",
    "up_decayed_order_rate",
    "up_decayed_day_rate",
    "up_mean_orders_between",
    "up_max_orders_between",
    "up_mean_days_between",
    "up_median_days_between",
    "up_max_days_between",
    "up_overdue_orders",
    "up_overdue_days",
    "up_cart_position_difference",
    "up_share_of_aisle",
    "up_aisle_share",
    "up_aisle_orders_since_last_order",
    "up_orders_until_last_of_aisle",
    "up_department_share",
    "ctx_user_days_over_median",
    "ctx_user_same_dow_rate",
    "ctx_user_near_hour_rate",
    "ctx_up_days_since_last_order",
    "ctx_up_overdue_days",
    "ctx_up_same_dow_rate",
    "ctx_up_near_hour_rate",
    "reordered",
)

# weights are whole numbers, so that it does not matter in which order they are added
_WEIGHT_UNIT = 2**30
_LONGEST_AGO = 400
_ORDER_WEIGHTS = [round(_WEIGHT_UNIT * 0.85**ago) for ago in range(_LONGEST_AGO + 1)]
_DAY_WEIGHTS = [round(_WEIGHT_UNIT * 0.98**ago) for ago in range(_LONGEST_AGO + 1)]
_ORDER_BITS = [2**ago for ago in range(10)]

_FIRSTS = ("orders_ago", "days_ago")
_SUMS = ("order_weight", "day_weight", "order_bit", "is_target_dow", "is_near_target_hour")

# what of a product is drawn towards its aisle: numerator, denominator, strength
_SHRUNKEN = {
    "reorder_probability": ("second_orders", "first_orders", 8),
    "reorders_per_opportunity": ("reorders", "opportunities", 24),
    "next_order_ratio": ("next_order_reorders", "next_order_opportunities", 8),
    "days_between": ("days_between", "reorders", 8),
    "cart_position": ("cart_positions", "orders", 8),
}
_AISLE_STRENGTH = 20

_RECENT_ORDERS = 3
_MONTH = 30
_TRIED_AFTER = 5  # orders in which a product might have been bought again


def count_all(shop: Shop, piece: Piece) -> Part:
    """Count what all features of some shoppers are made of."""
    facts = _order_facts(piece.orders, piece.own(shop.targets))
    rows = piece.order_rows()
    lines = piece.lines.hstack(facts.select(*_FIRSTS, *_SUMS)[rows])
    reordered = rows.filter(lines["reordered"] == 1)
    orders = facts.with_columns(
        basket_size=np.bincount(rows, minlength=facts.height),
        basket_reorders=np.bincount(reordered, minlength=facts.height),
    )
    return part_of(shop, Piece(orders, lines), _pair_features(lines), _of_orders(), _of_pairs())


def _order_facts(orders: pl.DataFrame, targets: pl.DataFrame) -> pl.DataFrame:
    """Say of each order how long ago it was, and whether the order to predict is like it."""
    days = pl.col("days_since_prior_order").fill_null(0)
    hours_apart = (pl.col("order_hour_of_day") - pl.col("target_hour")).abs()

    def look_up(values: list[int], ago: str) -> pl.Expr:
        # what is further back than the last value is worth nothing
        place = pl.col(ago).clip(upper_bound=len(values))
        return pl.lit(pl.Series([*values, 0])).gather(place)

    return (
        orders.lazy()
        .join(
            targets.lazy().select(
                "user_id", target_dow="order_dow", target_hour="order_hour_of_day"
            ),
            on="user_id",
            how="left",
            maintain_order="left",
        )
        .with_columns(
            days_ago=days.sum().over("user") - days.cum_sum().over("user"),
        )
        .with_columns(
            order_weight=look_up(_ORDER_WEIGHTS, "orders_ago"),
            day_weight=look_up(_DAY_WEIGHTS, "days_ago"),
            order_bit=look_up(_ORDER_BITS, "orders_ago"),
            is_target_dow=pl.col("order_dow") == pl.col("target_dow"),
            is_near_target_hour=~hours_apart.is_between(3, 21),
        )
        # null where there is no order to predict, and so no row: it must not spoil a running total
        .with_columns(pl.col("is_target_dow", "is_near_target_hour").fill_null(value=False))
        .collect()
    )


def _pair_features(lines: pl.DataFrame) -> pl.DataFrame:
    """Count what all features of a pair are made of."""
    # from one order with the product to the next
    between = (
        lines.lazy()
        .select(
            "pair",
            orders=pl.col("order_number").diff(),
            days=-pl.col("days_ago").diff(),
            is_between=pl.col("pair") == pl.col("pair").shift(),
        )
        .filter("is_between")
        .with_columns(pl.col("pair").set_sorted())
        .group_by("pair", maintain_order=True)
        .agg(
            up_max_orders_between=pl.max("orders"),
            up_max_days_between=pl.max("days"),
            up_median_days_between=pl.median("days"),
            up_next_order_reorders=(pl.col("orders") == 1).sum().cast(pl.Int32),
        )
        .drop("pair")
        .collect()
    )
    pairs = pair_sums(lines, _SUMS, _FIRSTS)
    several = pl.col("up_orders") > 1
    places = pairs.select(pl.when(several).then(several.cum_sum() - 1)).to_series()
    return (
        pairs.hstack(between[places])
        .lazy()
        .select(
            "pair",
            "user",
            "product",
            "up_orders",
            "up_first_order",
            "up_last_order",
            "up_max_orders_between",
            "up_max_days_between",
            "up_median_days_between",
            pl.col("up_next_order_reorders").fill_null(0),
            pl.col("order_weight", "day_weight"),
            pl.col("up_cart_positions", "up_reorders", "order_bit").cast(pl.Int32),
            pl.col("is_target_dow", "is_near_target_hour").cast(pl.Int32),
            up_orders_since_first_order="first_orders_ago",
            up_days_since_last_order="days_ago",
            up_days_spanned=pl.col("first_days_ago") - pl.col("days_ago"),
        )
        .collect()
    )


def _of_orders() -> dict[str, pl.Expr]:
    """Give what the richer features of a shopper take of the orders."""
    days, size, reorders = (
        pl.col(name) for name in ("days_since_prior_order", "basket_size", "basket_reorders")
    )
    last, recent, later = (
        pl.col("orders_ago") == 0,
        pl.col("orders_ago") < _RECENT_ORDERS,
        pl.col("order_number") > 1,
    )
    with_lines = later & (size > 0)
    return {
        "user_median_days_since_prior": days.median(),
        "user_sd_days_since_prior": _spread(days),
        "user_last_days_since_prior": days.filter(last).first(),
        "user_sd_basket": _spread(size),
        "user_last_basket": size.filter(last).first(),
        "recent_basket": size.filter(recent).sum() / recent.sum(),
        "user_recent_reorder_ratio": ratio(
            reorders.filter(recent & later).sum(), size.filter(recent & later).sum()
        ),
        "user_none_ratio": ratio((with_lines & (reorders == 0)).sum(), with_lines.sum()),
        "user_orders_in_last_30_days": (pl.col("days_ago") < _MONTH).sum(),
        "user_mean_hour_of_day": pl.sum("order_hour_of_day") / pl.len(),
        "user_order_weight": pl.sum("order_weight"),
        "user_day_weight": pl.sum("day_weight"),
        "ctx_user_same_dow_rate": pl.sum("is_target_dow") / pl.len(),
        "ctx_user_near_hour_rate": pl.sum("is_near_target_hour") / pl.len(),
    }


def _spread(value: pl.Expr) -> pl.Expr:
    """Give the standard deviation: whole sums, and one square root."""
    value = value.cast(pl.Int64)
    count = value.count().cast(pl.Int64)
    squares = count * (value * value).sum() - value.sum() * value.sum()
    return ratio(squares.cast(pl.Float64).sqrt(), count)


def _of_pairs() -> dict[str, pl.Expr]:
    """Give what the richer features of a product take of its pairs."""
    chances = pl.col("up_orders_since_first_order")
    tried = chances >= _TRIED_AFTER
    sums = {
        "prod_cart_positions": pl.col("up_cart_positions"),
        "prod_opportunities": chances,
        "prod_next_order_opportunities": pl.col("up_orders") - _bought_back(1),
        "prod_next_order_reorders": pl.col("up_next_order_reorders"),
        "prod_days_between": pl.col("up_days_spanned"),
        "tried_buyers": tried,
        "one_shot_buyers": tried & (pl.col("up_orders") == 1),
        "recent_orders": _bought_in_last(5),
    }
    return {name: value.cast(pl.Int64).sum() for name, value in sums.items()}


def _bought_back(orders: int) -> pl.Expr:
    return pl.col("order_bit") // (1 << (orders - 1)) % 2


def _bought_in_last(orders: int) -> pl.Expr:
    return (pl.col("order_bit") % (1 << orders)).bitwise_count_ones()


def all_products(totals: pl.DataFrame, catalogue: pl.DataFrame) -> pl.DataFrame:
    """Give totals and ratios of the products, and of their aisles what shrunken ratios take."""
    fractions = [(numerator, denominator) for numerator, denominator, _ in _SHRUNKEN.values()]
    of_aisle = pl.col([f"prod_{name}" for name in sorted({*chain(*fractions)})]).sum()
    of_shop = {
        f"shop_{numerator}": _AISLE_STRENGTH
        * ratio(pl.sum(f"prod_{numerator}"), pl.sum(f"prod_{denominator}"))
        for numerator, denominator in fractions
    }
    return (
        base_products(totals, catalogue)
        .rename({name: f"prod_{name}" for name in ("aisle_id", "department_id", "is_organic")})
        .lazy()
        .with_columns(
            of_aisle.over("prod_aisle_id").name.replace("^prod", "aisle"),
            **of_shop,
            prod_average_cart_position=pl.col("prod_cart_positions") / pl.col("prod_orders"),
            prod_one_shot_ratio=ratio(pl.col("one_shot_buyers"), pl.col("tried_buyers")),
            prod_mean_days_between=ratio(pl.col("prod_days_between"), pl.col("prod_reorders")),
            prod_reorders_per_opportunity=ratio(
                pl.col("prod_reorders"), pl.col("prod_opportunities")
            ),
            prod_next_order_ratio=ratio(
                pl.col("prod_next_order_reorders"), pl.col("prod_next_order_opportunities")
            ),
            prod_recent_order_ratio=pl.col("recent_orders") / pl.col("prod_orders"),
        )
        .drop("one_shot_buyers", "tried_buyers", "recent_orders")
        .collect()
    )


def all_rows(products: pl.DataFrame, part: Part) -> pl.LazyFrame:
    """Give the rows of data.csv of some shoppers, with more columns than data.csv has."""
    aisle, department = ["user", "prod_aisle_id"], ["user", "prod_department_id"]
    return (
        base_rows(products, part)
        .with_columns(
            aisle_lines=pl.sum("up_orders").over(aisle),
            aisle_last_order=pl.max("up_last_order").over(aisle),
            department_lines=pl.sum("up_orders").over(department),
            organic_lines=(pl.col("up_orders") * pl.col("prod_is_organic")).sum().over("user"),
            orders_spanned=pl.col("up_last_order") - pl.col("up_first_order"),
            up_mean_days_between=ratio(pl.col("up_days_spanned"), pl.col("up_reorders")),
            ctx_up_days_since_last_order=pl.col("up_days_since_last_order")
            + pl.col("days_since_prior_order"),
        )
        .with_columns(
            **_user_columns(),
            **_shrunken_columns(),
            **_pair_columns(),
            **_aisle_columns(),
            **_context_columns(),
        )
    )


def _user_columns() -> dict[str, pl.Expr]:
    lines = pl.col("user_total_products")
    return {
        "user_last_days_over_median": pl.col("user_last_days_since_prior")
        - pl.col("user_median_days_since_prior"),
        "user_basket_trend": pl.col("recent_basket") * pl.col("user_orders") / lines,
        "user_organic_ratio": pl.col("organic_lines") / lines,
    }


def _shrunken_columns() -> dict[str, pl.Expr]:
    """Draw a product's ratios towards its aisle's, both without the shopper's own part."""
    reorders, chances = pl.col("up_reorders"), pl.col("up_orders_since_first_order")
    own = {
        "reorder_probability": ((pl.col("up_orders") > 1).cast(pl.Int64), pl.lit(1)),
        "reorders_per_opportunity": (reorders, chances),
        "next_order_ratio": (
            pl.col("up_next_order_reorders"),
            pl.col("up_orders") - _bought_back(1),
        ),
        "days_between": (pl.col("up_days_spanned"), reorders),
        "cart_position": (pl.col("up_cart_positions"), pl.col("up_orders")),
    }
    columns = {}
    for name, (own_numerator, own_denominator) in own.items():
        numerator, denominator, strength = _SHRUNKEN[name]
        of_aisle = (pl.col(f"aisle_{numerator}") - own_numerator + pl.col(f"shop_{numerator}")) / (
            pl.col(f"aisle_{denominator}") - own_denominator + _AISLE_STRENGTH
        )
        columns[f"prod_shrunk_{name}"] = (
            pl.col(f"prod_{numerator}") - own_numerator + strength * of_aisle
        ) / (pl.col(f"prod_{denominator}") - own_denominator + strength)
    return columns


def _pair_columns() -> dict[str, pl.Expr]:
    reorders, spanned = pl.col("up_reorders").cast(pl.Int64), pl.col("orders_spanned")
    to_come = pl.col("user_orders") - pl.col("up_last_order") + 1
    return {
        **{f"up_bought_{back}_back": _bought_back(back) for back in range(1, 6)},
        "up_orders_in_last_5": _bought_in_last(5),
        "up_orders_in_last_10": _bought_in_last(10),
        "up_streak": pl.col("order_bit").bitwise_trailing_ones(),
        "up_decayed_orders": pl.col("order_weight") / _WEIGHT_UNIT,
        "up_decayed_days": pl.col("day_weight") / _WEIGHT_UNIT,
        "up_decayed_order_rate": pl.col("order_weight") / pl.col("user_order_weight"),
        "up_decayed_day_rate": pl.col("day_weight") / pl.col("user_day_weight"),
        "up_mean_orders_between": ratio(spanned, reorders),
        "up_overdue_orders": ratio(to_come * reorders, spanned),
        "up_overdue_days": ratio(
            pl.col("up_days_since_last_order") * reorders, pl.col("up_days_spanned")
        ),
        "up_cart_position_difference": pl.col("up_average_cart_position")
        - pl.col("prod_average_cart_position"),
    }


def _aisle_columns() -> dict[str, pl.Expr]:
    lines, last = pl.col("aisle_lines"), pl.col("aisle_last_order")
    return {
        "up_share_of_aisle": pl.col("up_orders") / lines,
        "up_aisle_share": lines / pl.col("user_total_products"),
        "up_aisle_orders_since_last_order": pl.col("user_orders") - last,
        "up_orders_until_last_of_aisle": last - pl.col("up_last_order"),
        "up_department_share": pl.col("department_lines") / pl.col("user_total_products"),
    }


def _context_columns() -> dict[str, pl.Expr]:
    return {
        "ctx_user_days_over_median": pl.col("days_since_prior_order")
        - pl.col("user_median_days_since_prior"),
        "ctx_up_overdue_days": ratio(
            pl.col("ctx_up_days_since_last_order"), pl.col("up_mean_days_between")
        ),
        "ctx_up_same_dow_rate": pl.col("is_target_dow") / pl.col("up_orders"),
        "ctx_up_near_hour_rate": pl.col("is_near_target_hour") / pl.col("up_orders"),
    }

"""Damage to the formulas and windows of the feature models, one at a time: a table of changes."""

from typing import NamedTuple

from tests.python.dbt_project.test_golden import BASE_HEADER
from tests.python.dbt_runs import ROOT


class Change(NamedTuple):
    """What a change damages, in which model, the text there (once) and what replaces it."""

    damages: str
    model: str
    text: str
    replacement: str


BASE_FEATURES = BASE_HEADER[2:16]
RATIOS = BASE_HEADER[23:30]

FORMULAS = [
    Change("user_orders", "user_features", "max(order_number)", "min(order_number)"),
    Change(
        "user_period",
        "user_features",
        "cast(sum(days_since_prior_order)",
        "cast(max(days_since_prior_order)",
    ),
    Change(
        "user_period",
        "user_features",
        "cast(sum(days_since_prior_order)",
        "cast(count(days_since_prior_order)",
    ),
    Change(
        "user_mean_days_since_prior",
        "user_features",
        "'count(days_since_prior_order)'",
        "'count(*)'",
    ),
    Change(
        "user_mean_days_since_prior",
        "user_features",
        "'sum(days_since_prior_order)', 'count(days_since_prior_order)'",
        "'count(days_since_prior_order)', 'sum(days_since_prior_order)'",
    ),
    Change(
        "user_mean_days_since_prior",
        "user_features",
        "'sum(days_since_prior_order)',",
        "'max(days_since_prior_order)',",
    ),
    Change(
        "user_total_products", "user_features", "cast(sum(basket_size)", "cast(max(basket_size)"
    ),
    Change("user_distinct_products", "user_features", "sum(aisle_products)", "max(aisle_products)"),
    Change(
        "user_distinct_products",
        "user_features",
        "coalesce(user_products.user_distinct_products, 0)",
        "user_products.user_distinct_products",
    ),
    Change(
        "user_reorder_ratio",
        "user_features",
        "'sum(case when order_number > 1 then basket_size",
        "'sum(case when order_number > 0 then basket_size",
    ),
    Change(
        "user_reorder_ratio",
        "user_features",
        "'sum(case when order_number > 1 then basket_size",
        "'sum(case when order_number > 2 then basket_size",
    ),
    Change(
        "user_reorder_ratio",
        "user_features",
        "'sum(case when order_number > 1 then basket_size",
        "'count(case when order_number > 1 then basket_size",
    ),
    Change(
        "user_reorder_ratio", "user_features", "'sum(basket_reorders)'", "'max(basket_reorders)'"
    ),
    Change(
        "user_average_basket",
        "user_features",
        "'user_orders.user_total_products', 'user_orders.user_orders'",
        "'user_orders.user_orders', 'user_orders.user_total_products'",
    ),
    Change(
        "user_average_basket",
        "user_features",
        "'user_orders.user_total_products', 'user_orders.user_orders'",
        "'user_products.user_distinct_products', 'user_orders.user_orders'",
    ),
    Change("up_orders", "up_features", "count(*) as up_orders", "max(order_number) as up_orders"),
    Change("up_orders", "up_features", "count(*) as up_orders", "sum(reordered) as up_orders"),
    Change("up_first_order", "up_features", "min(order_number)", "max(order_number)"),
    Change("up_last_order", "up_features", "max(order_number)", "min(order_number)"),
    Change(
        "up_cart_positions",
        "up_features",
        "cast(sum(add_to_cart_order)",
        "cast(max(add_to_cart_order)",
    ),
    Change(
        "up_average_cart_position",
        "up_features",
        "'sum(add_to_cart_order)', 'count(*)'",
        "'sum(add_to_cart_order)', 'max(order_number)'",
    ),
    Change(
        "up_average_cart_position",
        "up_features",
        "'sum(add_to_cart_order)', 'count(*)'",
        "'count(*)', 'sum(add_to_cart_order)'",
    ),
    Change("up_reorders", "up_features", "sum(reordered)", "count(reordered)"),
    Change("prod_orders", "prd_features", "sum(up_orders) as", "count(up_orders) as"),
    Change("prod_orders", "prd_features", "sum(up_orders) as", "max(up_orders) as"),
    Change("prod_reorders", "prd_features", "sum(up_reorders)", "sum(up_orders)"),
    Change("prod_reorders", "prd_features", "sum(up_reorders)", "count(up_reorders)"),
    Change(
        "prod_first_orders",
        "prd_features",
        "count(*) as prod_first_orders",
        "cast(sum(up_orders) as bigint) as prod_first_orders",
    ),
    Change("prod_second_orders", "prd_features", "up_orders >= 2", "up_orders >= 1"),
    Change("prod_second_orders", "prd_features", "up_orders >= 2", "up_orders >= 3"),
    Change("prod_second_orders", "prd_features", ">= 2 then 1", ">= 2 then up_orders"),
    Change(
        "prod_reorder_probability",
        "prd_features",
        "'products.prod_second_orders', 'products.prod_first_orders'",
        "'products.prod_first_orders', 'products.prod_second_orders'",
    ),
    Change(
        "prod_reorder_probability",
        "prd_features",
        "'products.prod_second_orders', 'products.prod_first_orders'",
        "'products.prod_second_orders', 'products.prod_orders'",
    ),
    Change("prod_reorder_times", "prd_features", "cast(1 as double)\n        + ", ""),
    Change(
        "prod_reorder_times",
        "prd_features",
        "'products.prod_reorders', 'products.prod_first_orders'",
        "'products.prod_first_orders', 'products.prod_reorders'",
    ),
    Change(
        "prod_reorder_times",
        "prd_features",
        "'products.prod_reorders', 'products.prod_first_orders'",
        "'products.prod_reorders', 'products.prod_second_orders'",
    ),
    Change(
        "prod_reorder_ratio",
        "prd_features",
        "'products.prod_reorders', 'products.prod_orders'",
        "'products.prod_orders', 'products.prod_reorders'",
    ),
    Change(
        "prod_reorder_ratio",
        "prd_features",
        "'products.prod_reorders', 'products.prod_orders'",
        "'products.prod_reorders', 'products.prod_first_orders'",
    ),
    Change(
        "up_order_rate",
        "candidates",
        "'pairs.up_orders', 'targets.user_orders'",
        "'targets.user_orders', 'pairs.up_orders'",
    ),
    Change(
        "up_order_rate",
        "candidates",
        "'pairs.up_orders', 'targets.user_orders'",
        "'pairs.up_orders', 'targets.order_number'",
    ),
    Change(
        "up_orders_since_last_order",
        "candidates",
        "targets.user_orders - pairs.up_last_order as",
        "targets.user_orders - pairs.up_first_order as",
    ),
    Change(
        "up_orders_since_last_order",
        "candidates",
        "targets.user_orders - pairs.up_last_order as",
        "targets.order_number - pairs.up_last_order as",
    ),
    Change(
        "up_order_rate_since_first_order", "candidates", "up_first_order + 1)", "up_first_order)"
    ),
    Change(
        "up_order_rate_since_first_order", "candidates", "up_first_order + 1)", "up_last_order + 1)"
    ),
]

WINDOWS = [
    Change("where a window ends", "user_windows", "_number - windows.orders_back as", "_number as"),
    Change("benchmark mode", "user_windows", "eval_set <> 'prior'", "eval_set = 'train'"),
    Change("benchmark mode", "user_windows", "eval_set <> 'prior'", "eval_set = 'test'"),
    Change("no target", "user_windows", "max(order_number) + 1)", "max(order_number))"),
    Change(
        "live mode", "user_windows", "'test' then order_number end) + 1", "'test' then 1 end) + 1"
    ),
    Change("live mode", "user_windows", "end) + 1", "end)"),
    Change("live mode", "user_windows", "eval_set <> 'test'", "eval_set <> 'none'"),
    Change("live mode", "user_windows", "eval_set <> 'test'", "eval_set = 'prior'"),
    Change(
        "one order",
        "user_windows",
        "or (windows.orders_back = 0 and next_orders.next_order_number = 1)",
        "",
    ),
    Change(
        "nothing known",
        "user_windows",
        "or (windows.orders_back = 0 and next_orders.next_order_number = 1)",
        "or windows.orders_back = 0",
    ),
    Change("short history", "user_windows", "windows.orders_back > 1", "windows.orders_back > 0"),
    Change("short history", "user_windows", "windows.orders_back > 1", "windows.orders_back > 2"),
    Change(
        "short history", "target_orders", "target_order_number >= 3", "target_order_number >= 2"
    ),
    Change(
        "short history", "target_orders", "target_order_number >= 3", "target_order_number >= 4"
    ),
    Change("order to come", "target_orders", "user_windows.orders_back >= 1 and ", ""),
    Change("benchmark mode", "target_orders", "or user_windows.orders_back = 0", ""),
    Change("benchmark mode", "target_orders", "== 'benchmark'", "!= 'none'"),
    Change("live mode", "target_orders", "'live' as varchar", "'test' as varchar"),
    Change("live mode", "target_orders", "target_order_number as", "target_order_number - 1 as"),
    Change("live mode", "target_orders", "        orders_back = 0\n", "        true\n"),
    Change("target", "history_orders", "orders.order_number < ", "orders.order_number <= "),
    Change("target", "history_orders", "orders.order_number < ", "1 + orders.order_number < "),
    Change("user", "history_orders", "orders.user_id = user_windows.user_id\n", "true\n"),
    Change(
        "order", "history_lines", "on order_products.order_id = history_orders.order_id", "on 1=1"
    ),
    Change("order", "target_lines", "order_products.order_id = target_orders.order_id", "1 = 1"),
    Change(
        "window", "user_features", "and user_orders.orders_back = user_products.orders_back", ""
    ),
    Change("order without lines", "user_features", "left join", "inner join"),
    Change(
        "window", "target_features", "and target_orders.orders_back = user_features.orders_back", ""
    ),
    Change(
        "window", "target_features", "and target_orders.orders_back = known_baskets.orders_back", ""
    ),
    Change("window", "candidates", "and pairs.orders_back = targets.orders_back", ""),
    Change("window", "candidates", "and pairs.orders_back = prd_features.orders_back", ""),
    Change("window", "candidates", "and pairs.orders_back = target_lines.orders_back", ""),
    Change("label", "candidates", "then 1 else targets.label_of_absent_product", "then 1 else 0"),
    Change("label", "candidates", "then 1 else targets.label_of_absent_product", "then 1"),
    Change("label", "candidates", "and pairs.product_id = target_lines.product_id", ""),
    Change("label", "candidates", "left join target_lines", "inner join target_lines"),
    Change("no target", "candidates", "inner join targets", "left join targets"),
]

# `candidates` hands on the features of the marts, the mean cart position apart, which it takes from
# sum and count: another one in its place must be noticed too
CANDIDATES = (ROOT / "models/features/candidates.sql").read_text(encoding="utf-8")


def handed_on(mart: str, name: str, other: str) -> Change:
    """Put another column of a mart in the place of one, in its precision."""
    if f"cast({mart}.{name} as real)" in CANDIDATES:
        text, replacement = (f"cast({mart}.{one} as real) as {name}," for one in (name, other))
    else:
        text, replacement = f"        {mart}.{name},", f"        {mart}.{other} as {name},"
    return Change(name, "candidates", text, replacement)


MARTS = {"user_": "targets", "up_": "pairs", "prod_": "prd_features"}
HANDED_ON = [
    handed_on(mart, name, other)
    for prefix, mart in MARTS.items()
    for names in [
        [
            name
            for name in BASE_FEATURES + RATIOS[:4]
            if name.startswith(prefix) and name != "up_average_cart_position"
        ]
    ]
    for name, other in zip(names, names[1:] + names[:1], strict=True)
]

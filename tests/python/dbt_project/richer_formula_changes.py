"""Damage to the formulas of the richer features and of what they are made of, one at a time."""

from tests.python.dbt_project.formula_changes import Change, handed_on
from tests.python.dbt_project.test_golden import RICHER_HEADER

ORDERS = [
    Change("order_day", "order_facts", "partition by orders.user_id", "partition by 1"),
    Change("order_day", "order_facts", "unbounded preceding", "1 preceding"),
    Change("basket_size", "order_facts", "coalesce(baskets.basket_size, 0)", "baskets.basket_size"),
    Change("basket_reorders", "order_facts", "sum(reordered)", "count(reordered)"),
    Change("orders_ago", "history_orders", "target_order_number - 1 -", "target_order_number -"),
    Change("days_ago", "history_orders", "- orders.order_day as days_ago", "as days_ago"),
    Change(
        "days_ago", "history_orders", "orders.user_id, user_windows.orders_back)", "orders.user_id)"
    ),
    Change(
        "order_weight", "history_orders", "history.orders_ago = order", "history.days_ago = order"
    ),
    Change("day_weight", "history_orders", "history.days_ago = day", "history.orders_ago = day"),
    Change("order_bit", "history_orders", "order_weights.order_bit, 0", "day_weights.order_bit, 0"),
    Change("ctx_is_target_dow", "history_orders", "target_orders.order_dow is not null", "true"),
    Change("ctx_is_near_target_hour", "history_orders", "<= 2 then", "<= 3 then"),
    Change("ctx_is_near_target_hour", "history_orders", ">= 22 then", ">= 23 then"),
    Change(
        "order_bit",
        "history_lines",
        "history_orders.order_bit",
        "history_orders.order_number as order_bit",
    ),
]

PAIRS = [
    Change("up_orders_since_first_order", "up_features", "max(orders_ago)", "min(orders_ago)"),
    Change(
        "up_days_since_last_order",
        "up_features",
        "min(days_ago) as up_days_since",
        "max(days_ago) as up_days_since",
    ),
    Change("up_days_spanned", "up_features", "max(days_ago) - min(days_ago)", "max(days_ago)"),
    Change("up_place", "up_features", "order by up_orders desc, ", "order by "),
    Change("up_place", "up_features", "up_last_order desc, ", ""),
    Change("up_place", "up_features", "product_id asc", "product_id desc"),
    Change("up_order_weight", "up_features", "sum(order_weight)", "max(order_weight)"),
    Change("up_day_weight", "up_features", "sum(day_weight)", "max(day_weight)"),
    Change("up_order_bits", "up_features", "sum(order_bit)", "max(order_bit)"),
    Change(
        "ctx_up_target_dow_orders",
        "up_features",
        "sum(ctx_is_target_dow)",
        "count(ctx_is_target_dow)",
    ),
    Change(
        "ctx_up_near_target_hour_orders",
        "up_features",
        "sum(ctx_is_near_target_hour)",
        "max(ctx_is_near_target_hour)",
    ),
    Change("up_next_order_reorders", "up_features", "orders_between = 1", "orders_between <= 2"),
    Change("up_max_orders_between", "up_features", "max(orders_between)", "min(orders_between)"),
    Change("up_max_days_between", "up_features", "max(days_between)", "sum(days_between)"),
    Change(
        "up_median_days_between",
        "up_features",
        "median('days_between')",
        "safe_ratio('sum(days_between)', 'count(days_between)')",
    ),
    Change(
        "up_median_days_between",
        "up_features",
        "median('days_between')",
        "median('coalesce(days_between, 0)')",
    ),
    Change(
        "aisle_lines", "user_aisles", "sum(up_features.up_orders)", "count(up_features.up_orders)"
    ),
    Change("aisle_products", "user_aisles", "count(*) as", "max(up_features.up_orders) as"),
    Change("aisle_organic_lines", "user_aisles", " * products.is_organic", ""),
    Change("aisle_organic_lines", "user_aisles", "up_features.up_orders * products", "products"),
    Change("aisle_last_order", "user_aisles", "max(up_features.up_", "min(up_features.up_"),
    Change(
        "aisle of two departments",
        "user_aisles",
        "products.aisle_id, up_features.orders_back",
        "products.aisle_id, products.department_id, up_features.orders_back",
    ),
    Change(
        "department_lines",
        "user_departments",
        "sum(up_features.up_orders)",
        "count(up_features.up_orders)",
    ),
    Change(
        "department of an aisle",
        "user_departments",
        "products.department_id, up",
        "products.aisle_id, products.department_id, up",
    ),
    Change(
        "aisle_orders",
        "aisle_totals",
        "group by prod_aisle_id, orders_back",
        "group by prod_aisle_id, orders_back, product_id",
    ),
    Change(
        "shop_orders",
        "aisle_totals",
        "over (partition by orders_back)",
        "over ()",
    ),
]

FEATURES = [
    Change(
        "user_median_days_since_prior",
        "user_features",
        "median('days_since_prior_order')",
        "safe_ratio('sum(days_since_prior_order)', 'count(days_since_prior_order)')",
    ),
    Change(
        "user_sd_days_since_prior",
        "user_features",
        "standard_deviation('days_since_prior_order')",
        "standard_deviation('order_number')",
    ),
    Change(
        "user_last_days_since_prior",
        "user_features",
        "orders_ago = 0 then days_since",
        "orders_ago < 2 then days_since",
    ),
    Change(
        "user_last_days_over_median",
        "user_features",
        "- user_orders.user_median_days_since_prior",
        "- user_orders.user_mean_days_since_prior",
    ),
    Change(
        "user_sd_basket",
        "user_features",
        "standard_deviation('basket_size')",
        "standard_deviation('orders_ago')",
    ),
    Change(
        "user_last_basket",
        "user_features",
        "orders_ago = 0 then basket_size",
        "orders_ago < 2 then basket_size",
    ),
    Change(
        "user_basket_trend",
        "user_features",
        "sum(case when orders_ago < 3 then basket",
        "sum(case when orders_ago < 4 then basket",
    ),
    Change(
        "user_basket_trend",
        "user_features",
        "user_recent_basket * user_orders.user_orders",
        "user_recent_basket",
    ),
    Change(
        "user_recent_reorder_ratio",
        "user_features",
        "orders_ago < 3 and order_number > 1 then basket_size",
        "orders_ago < 3 then basket_size",
    ),
    Change(
        "user_none_ratio",
        "user_features",
        "basket_size > 0 and basket_reorders = 0",
        "basket_reorders = 0",
    ),
    Change(
        "user_none_ratio",
        "user_features",
        "order_number > 1 and basket_size > 0 and",
        "basket_size > 0 and",
    ),
    Change("user_orders_in_last_30_days", "user_features", "days_ago < 30", "days_ago <= 30"),
    Change(
        "user_mean_hour_of_day", "user_features", "sum(order_hour_of_day)", "max(order_hour_of_day)"
    ),
    Change("user_mean_hour_of_day", "user_features", "count(order_hour_of_day)", "count(*)"),
    Change(
        "user_organic_ratio",
        "user_features",
        "'user_products.organic_lines', 'user_orders.user_total_products'",
        "'user_products.organic_lines', 'user_products.user_distinct_products'",
    ),
    Change("user_order_weight", "user_features", "sum(order_weight)", "max(order_weight)"),
    Change("user_day_weight", "user_features", "sum(day_weight)", "max(day_weight)"),
    Change(
        "ctx_user_same_dow_rate",
        "user_features",
        "'sum(ctx_is_target_dow)'",
        "'max(ctx_is_target_dow)'",
    ),
    Change(
        "ctx_user_near_hour_rate",
        "user_features",
        "'sum(ctx_is_near_target_hour)'",
        "'max(ctx_is_near_target_hour)'",
    ),
    Change(
        "ctx_user_days_over_median",
        "target_features",
        "- user_features.user_median",
        "- user_features.user_mean",
    ),
    Change(
        "label_of_absent_product",
        "target_features",
        "case when known_baskets.user_id is not null then 0 end",
        "0",
    ),
    Change("prod_aisle_id", "prd_features", "catalogue.aisle_id", "catalogue.department_id"),
    Change("prod_department_id", "prd_features", "catalogue.department_id", "catalogue.aisle_id"),
    Change("prod_is_organic", "prd_features", "catalogue.is_organic", "1 - catalogue.is_organic"),
    Change("is_organic", "stg_products", "strpos(lower(product_name)", "strpos((product_name)"),
    Change("is_organic", "stg_products", "'organic') > 0", "'organic') = 1"),
    Change(
        "prod_average_cart_position",
        "prd_features",
        "'products.prod_cart_positions', 'products.prod_orders'",
        "'products.prod_cart_positions', 'products.prod_first_orders'",
    ),
    Change("prod_one_shot_ratio", "prd_features", "first_order >= 5 and", "first_order >= 0 and"),
    Change(
        "prod_one_shot_ratio",
        "prd_features",
        "first_order >= 5 then 1 end) as tried",
        "first_order >= 6 then 1 end) as tried",
    ),
    Change(
        "prod_mean_days_between",
        "prd_features",
        "'products.prod_days_between', 'products.prod_reorders'",
        "'products.prod_days_between', 'products.prod_orders'",
    ),
    Change(
        "prod_reorders_per_opportunity",
        "prd_features",
        "'products.prod_reorders', 'products.prod_opportunities'",
        "'products.prod_orders', 'products.prod_opportunities'",
    ),
    Change(
        "prod_next_order_ratio",
        "prd_features",
        "'products.prod_next_order_reorders', 'products.prod_next_order_opp",
        "'products.prod_reorders', 'products.prod_next_order_opp",
    ),
    Change(
        "prod_next_order_opportunities",
        "prd_features",
        "bought_back('up_order_bits', 1)",
        "bought_back('up_order_bits', 2)",
    ),
    Change("prod_recent_order_ratio", "prd_features", "'up_order_bits', 5", "'up_order_bits', 4"),
    Change(
        "prod_opportunities",
        "prd_features",
        "sum(up_orders_since_first_order)",
        "max(up_orders_since_first_order)",
    ),
    Change(
        "prod_cart_positions", "prd_features", "sum(up_cart_positions)", "max(up_cart_positions)"
    ),
    Change(
        "prod_days_between",
        "prd_features",
        "sum(up_days_spanned)",
        "max(up_days_spanned)",
    ),
    Change(
        "prod_next_order_reorders",
        "prd_features",
        "sum(up_next_order_reorders)",
        "max(up_next_order_reorders)",
    ),
    Change(
        "prod_shrunk_reorder_probability",
        "candidates",
        "up_orders >= 2 then 1 else 0 end', '1', 8",
        "up_orders >= 2 then 1 else 0 end', '1', 9",
    ),
    Change(
        "prod_shrunk_reorder_probability",
        "candidates",
        "up_orders >= 2 then",
        "up_orders >= 1 then",
    ),
    Change(
        "prod_shrunk_reorders_per_opportunity",
        "candidates",
        "'pairs.up_orders_since_first_order', 24",
        "'pairs.up_orders_since_first_order', 8",
    ),
    Change(
        "prod_shrunk_next_order_ratio",
        "candidates",
        "bought_back('pairs.up_order_bits', 1) ~",
        "bought_back('pairs.up_order_bits', 3) ~",
    ),
    Change(
        "prod_shrunk_days_between",
        "candidates",
        "'pairs.up_days_spanned', 'pairs.up_reorders', 8",
        "'pairs.up_days_spanned', 'pairs.up_orders', 8",
    ),
    Change(
        "prod_shrunk_cart_position",
        "candidates",
        "'pairs.up_cart_positions', 'pairs.up_orders', 8",
        "'0', 'pairs.up_orders', 8",
    ),
    *(
        Change(
            f"up_bought_{back}_back",
            "candidates",
            "up_order_bits', back)",
            "up_order_bits', 6 - back)",
        )
        for back in range(1, 6)
    ),
    Change("up_orders_in_last_5", "candidates", "up_order_bits', 5)", "up_order_bits', 4)"),
    Change("up_orders_in_last_10", "candidates", "up_order_bits', 10)", "up_order_bits', 8)"),
    Change(
        "up_streak",
        "candidates",
        "streak('pairs.up_order_bits')",
        "bought_in_last('pairs.up_order_bits', 10)",
    ),
    Change(
        "up_decayed_orders",
        "candidates",
        "decayed('pairs.up_order_weight')",
        "decayed('pairs.up_day_weight')",
    ),
    Change(
        "up_decayed_days",
        "candidates",
        "decayed('pairs.up_day_weight')",
        "decayed('pairs.up_order_weight')",
    ),
    Change(
        "up_decayed_order_rate",
        "candidates",
        "'targets.user_order_weight'",
        "'targets.user_day_weight'",
    ),
    Change(
        "up_decayed_day_rate",
        "candidates",
        "'targets.user_day_weight'",
        "'targets.user_order_weight'",
    ),
    Change(
        "up_mean_orders_between",
        "candidates",
        "'pairs.orders_spanned', 'pairs.up_reorders'",
        "'pairs.orders_spanned', 'pairs.up_orders'",
    ),
    Change(
        "up_mean_days_between",
        "candidates",
        "'pairs.up_days_spanned', 'pairs.up_reorders') }}",
        "'pairs.up_days_spanned', 'pairs.up_orders') }}",
    ),
    Change(
        "up_overdue_orders",
        "candidates",
        "pairs.up_last_order + 1) *",
        "pairs.up_last_order) *",
    ),
    Change(
        "up_overdue_days",
        "candidates",
        "'pairs.up_days_since_last_order * pairs",
        "'pairs.up_days_spanned * pairs",
    ),
    Change(
        "up_cart_position_difference",
        "candidates",
        "pairs.mean_cart_position - prd_features",
        "pairs.mean_cart_position + prd_features",
    ),
    Change(
        "up_average_cart_position",
        "candidates",
        "'up_cart_positions', 'up_orders') }} as",
        "'up_cart_positions', 'up_reorders') }} as",
    ),
    Change(
        "up_share_of_aisle",
        "candidates",
        "'pairs.up_orders', 'user_aisles.aisle_lines'",
        "'user_aisles.aisle_lines', 'pairs.up_orders'",
    ),
    Change(
        "up_aisle_share",
        "candidates",
        "'user_aisles.aisle_lines', 'targets.user_total_products'",
        "'pairs.up_orders', 'targets.user_total_products'",
    ),
    Change(
        "up_aisle_orders_since_last_order",
        "candidates",
        "- user_aisles.aisle_last_order as up_aisle",
        "- pairs.up_last_order as up_aisle",
    ),
    Change(
        "up_orders_until_last_of_aisle",
        "candidates",
        "user_aisles.aisle_last_order - pairs.up_last_order",
        "user_aisles.aisle_last_order - pairs.up_first_order",
    ),
    Change(
        "up_department_share",
        "candidates",
        "'user_departments.department_lines', ",
        "'user_aisles.aisle_lines', ",
    ),
    Change(
        "ctx_up_same_dow_rate",
        "candidates",
        "'pairs.ctx_up_target_dow_orders'",
        "'pairs.ctx_up_near_target_hour_orders'",
    ),
    Change(
        "ctx_up_near_hour_rate",
        "candidates",
        "'pairs.ctx_up_near_target_hour_orders'",
        "'pairs.ctx_up_target_dow_orders'",
    ),
    Change(
        "ctx_up_days_since_last_order",
        "candidates",
        "        pairs.up_days_since_last_order + targets.days_since_prior_order\n",
        "        pairs.up_days_since_last_order + targets.order_number\n",
    ),
    Change(
        "ctx_up_overdue_days",
        "candidates",
        "safe_ratio('pairs.up_days_spanned', 'pairs.up_reorders')\n",
        "safe_ratio('pairs.up_days_spanned', 'pairs.up_orders')\n",
    ),
]

BESIDE_DATA = [
    Change("order", "baskets", "order_products.order_id = orders.order_id", "1 = 1"),
    Change("aisle_name", "products", "left join aisles", "inner join aisles"),
    Change("aisle_name", "products", "on catalogue.aisle_id = ", "on catalogue.department_id = "),
    Change("department_name", "products", "left join departments", "inner join departments"),
    Change("prod_buyer_share", "product_ranks", "prod_first_orders', 'sh", "prod_orders', 'sh"),
    Change(
        "prod_is_organic",
        "product_ranks",
        "prd_features.prod_is_organic,",
        "1 - prd_features.prod_is_organic as prod_is_organic,",
    ),
    Change(
        "window",
        "discovery_users",
        "and target_orders.orders_back = user_features.orders_back",
        "",
    ),
    Change(
        "who is asked for",
        "user_aisle_ranks",
        "discovery_users.user_id = user_aisles.user_id",
        "1 = 1",
    ),
    Change(
        "window",
        "user_aisle_ranks",
        "and discovery_users.orders_back = user_aisles.orders_back",
        "",
    ),
]

# `candidates` hands features on from a mart: another one in its place must be noticed too
HANDED_ON_BY = {
    "targets": [name for name in RICHER_HEADER if name.startswith("user_")],
    "targets of a context": [name for name in RICHER_HEADER if name.startswith("ctx_user_")],
    "pairs": [
        "up_days_since_last_order",
        "up_max_orders_between",
        "up_median_days_between",
        "up_max_days_between",
    ],
    "prd_features": [
        name
        for name in RICHER_HEADER
        if name.startswith("prod_") and not name.startswith("prod_shrunk_")
    ],
}
RICHER_HANDED_ON = [
    handed_on(mart.partition(" ")[0], name, other)
    for mart, names in HANDED_ON_BY.items()
    for name, other in zip(names, names[1:] + names[:1], strict=True)
]

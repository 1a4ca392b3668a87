"""Damage to the formulas of the richer features and of what they are made of, one at a time."""

from tests.python.dbt_project.formula_changes import Change
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
    Change("up_orders_since_last_order", "up_purchases", "min(orders_ago)", "max(orders_ago)"),
    Change("up_days_since_last_order", "up_purchases", "min(days_ago)", "max(days_ago)"),
    Change("up_days_since_first_order", "up_purchases", "max(days_ago)", "min(days_ago)"),
    Change("up_order_weight", "up_purchases", "sum(order_weight)", "max(order_weight)"),
    Change("up_day_weight", "up_purchases", "sum(day_weight)", "max(day_weight)"),
    Change("up_order_bits", "up_purchases", "sum(order_bit)", "max(order_bit)"),
    Change(
        "ctx_up_target_dow_orders",
        "up_purchases",
        "sum(ctx_is_target_dow)",
        "count(ctx_is_target_dow)",
    ),
    Change(
        "ctx_up_near_target_hour_orders",
        "up_purchases",
        "sum(ctx_is_near_target_hour)",
        "max(ctx_is_near_target_hour)",
    ),
    Change("up_next_order_reorders", "up_intervals", "orders_between = 1", "orders_between <= 2"),
    Change("up_max_orders_between", "up_intervals", "max(orders_between)", "min(orders_between)"),
    Change("up_max_days_between", "up_intervals", "max(days_between)", "sum(days_between)"),
    Change(
        "up_median_days_between",
        "up_intervals",
        "order by days_between, order_number",
        "order by order_number",
    ),
    Change("up_median_days_between", "up_intervals", "count(*) over (", "1 + count(*) over ("),
    Change(
        "aisle_lines", "user_aisles", "sum(up_purchases.up_orders)", "count(up_purchases.up_orders)"
    ),
    Change(
        "aisle_orders_since_last_order",
        "user_aisles",
        "min(up_purchases.up_orders_since_last_order)",
        "max(up_purchases.up_orders_since_last_order)",
    ),
    Change(
        "aisle_orders",
        "product_totals",
        "group by prod_aisle_id, orders_back",
        "group by prod_aisle_id, orders_back, product_id",
    ),
    Change(
        "shop_orders",
        "product_totals",
        "on prd_features.orders_back = shops.orders_back",
        "on shops.orders_back = 0",
    ),
]

FEATURES = [
    Change(
        "user_median_days_since_prior",
        "user_features",
        "order by coalesce(days_since_prior_order, 1000000), order",
        "order by order",
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
    Change("user_organic_ratio", "user_features", "lower(product_name)", "product_name"),
    Change("user_organic_ratio", "user_features", "up_purchases.up_orders * products", "products"),
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
        "shoppers",
        "- user_features.user_median",
        "- user_features.user_mean",
    ),
    Change(
        "label_of_absent_product",
        "shoppers",
        "case when known_baskets.user_id is not null then 0 end",
        "0",
    ),
    Change("prod_aisle_id", "prd_features", "catalogue.aisle_id", "catalogue.department_id"),
    Change("prod_department_id", "prd_features", "catalogue.department_id", "catalogue.aisle_id"),
    Change(
        "prod_is_organic", "prd_features", "lower(catalogue.product_name)", "catalogue.product_name"
    ),
    Change(
        "prod_average_cart_position",
        "prd_features",
        "'products.prod_cart_positions', 'products.prod_orders'",
        "'products.prod_cart_positions', 'products.prod_first_orders'",
    ),
    Change(
        "prod_one_shot_ratio", "prd_features", "opportunities >= 5 and", "opportunities >= 0 and"
    ),
    Change(
        "prod_one_shot_ratio",
        "prd_features",
        "opportunities >= 5 then 1 end) as tried",
        "opportunities >= 6 then 1 end) as tried",
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
        "'coalesce(next_orders.reorders, 0)',",
        "'next_orders.reorders',",
    ),
    Change(
        "prod_next_order_opportunities",
        "prd_features",
        "up_orders_since_last_order = 0 then 1",
        "up_orders_since_last_order = 9 then 1",
    ),
    Change("prod_recent_order_ratio", "prd_features", "'up_order_bits', 5", "'up_order_bits', 4"),
    Change(
        "prod_opportunities",
        "prd_features",
        "up_last_order - up_first_order as opp",
        "up_last_order as opp",
    ),
    Change(
        "prod_cart_positions", "prd_features", "sum(up_cart_positions)", "max(up_cart_positions)"
    ),
    Change(
        "prod_days_between",
        "prd_features",
        "up_days_since_first_order - up_days_since_last_order",
        "up_days_since_first_order",
    ),
    Change(
        "prod_next_order_reorders",
        "prd_features",
        "sum(up_next_order_reorders)",
        "max(up_next_order_reorders)",
    ),
    Change(
        "prod_shrunk_reorder_probability",
        "up_features",
        "up_orders >= 2 then 1 else 0 end', '1', 8",
        "up_orders >= 2 then 1 else 0 end', '1', 9",
    ),
    Change(
        "prod_shrunk_reorder_probability",
        "up_features",
        "up_orders >= 2 then",
        "up_orders >= 1 then",
    ),
    Change(
        "prod_shrunk_reorders_per_opportunity",
        "up_features",
        "'up_purchases.opportunities', 24",
        "'up_purchases.opportunities', 8",
    ),
    Change(
        "prod_shrunk_next_order_ratio",
        "up_features",
        "up_orders_since_last_order = 0 then 1 else 0 end)'",
        "up_orders_since_last_order = 0 then 0 else 0 end)'",
    ),
    Change(
        "prod_shrunk_days_between",
        "up_features",
        "'up_purchases.days_between', 'up_purchases.up_reorders', 8",
        "'up_purchases.days_between', 'up_purchases.up_orders', 8",
    ),
    Change(
        "prod_shrunk_cart_position",
        "up_features",
        "'up_purchases.up_cart_positions', 'up_purchases.up_orders', 8",
        "'0', 'up_purchases.up_orders', 8",
    ),
    Change(
        "up_days_since_last_order",
        "up_features",
        "        up_purchases.up_days_since_last_order,",
        "        up_purchases.up_days_since_first_order as up_days_since_last_order,",
    ),
    *(
        Change(
            f"up_bought_{back}_back",
            "up_features",
            "up_order_bits', back)",
            "up_order_bits', 6 - back)",
        )
        for back in range(1, 6)
    ),
    Change("up_orders_in_last_5", "up_features", "up_order_bits', 5)", "up_order_bits', 4)"),
    Change("up_orders_in_last_10", "up_features", "up_order_bits', 10)", "up_order_bits', 8)"),
    Change(
        "up_streak",
        "up_features",
        "streak('up_purchases.up_order_bits')",
        "bought_in_last('up_purchases.up_order_bits', 10)",
    ),
    Change(
        "up_decayed_orders",
        "up_features",
        "decayed('up_purchases.up_order_weight')",
        "decayed('up_purchases.up_day_weight')",
    ),
    Change(
        "up_decayed_days",
        "up_features",
        "decayed('up_purchases.up_day_weight')",
        "decayed('up_purchases.up_order_weight')",
    ),
    Change(
        "up_decayed_order_rate",
        "up_features",
        "'user_features.user_order_weight'",
        "'user_features.user_day_weight'",
    ),
    Change(
        "up_decayed_day_rate",
        "up_features",
        "'user_features.user_day_weight'",
        "'user_features.user_order_weight'",
    ),
    Change(
        "up_mean_orders_between",
        "up_features",
        "'up_purchases.orders_between', 'up_purchases.up_reorders'",
        "'up_purchases.orders_between', 'up_purchases.up_orders'",
    ),
    Change(
        "up_max_orders_between",
        "up_features",
        "up_intervals.up_max_orders_between,",
        "up_intervals.up_max_days_between as up_max_orders_between,",
    ),
    Change(
        "up_mean_days_between",
        "up_features",
        "'up_purchases.days_between', 'up_purchases.up_reorders') }}",
        "'up_purchases.days_between', 'up_purchases.up_orders') }}",
    ),
    Change(
        "up_median_days_between",
        "up_features",
        "up_intervals.up_median_days_between,",
        "cast(up_intervals.up_max_days_between as double) as up_median_days_between,",
    ),
    Change(
        "up_max_days_between",
        "up_features",
        "up_intervals.up_max_days_between,",
        "up_intervals.up_max_orders_between as up_max_days_between,",
    ),
    Change(
        "up_overdue_orders",
        "up_features",
        "up_orders_since_last_order + 1)",
        "up_orders_since_last_order)",
    ),
    Change(
        "up_overdue_days",
        "up_features",
        "'up_purchases.up_days_since_last_order * up",
        "'up_purchases.up_days_since_first_order * up",
    ),
    Change(
        "up_cart_position_difference",
        "up_features",
        "        - product_totals.prod_average_cart_position",
        "        + product_totals.prod_average_cart_position",
    ),
    Change(
        "up_share_of_aisle",
        "up_features",
        "'up_purchases.up_orders', 'user_aisles.aisle_lines'",
        "'user_aisles.aisle_lines', 'up_purchases.up_orders'",
    ),
    Change(
        "up_aisle_share",
        "up_features",
        "'user_aisles.aisle_lines', 'user_features.user_total_products'",
        "'up_purchases.up_orders', 'user_features.user_total_products'",
    ),
    Change(
        "up_aisle_orders_since_last_order",
        "up_features",
        "        user_aisles.aisle_orders_since_last_order as",
        "        up_purchases.up_orders_since_last_order as",
    ),
    Change(
        "up_orders_until_last_of_aisle",
        "up_features",
        "up_orders_since_last_order - user_aisles.aisle_orders_since_last_order",
        "up_orders_since_last_order",
    ),
    Change(
        "up_department_share",
        "up_features",
        "'user_departments.department_lines', ",
        "'user_aisles.aisle_lines', ",
    ),
    Change(
        "ctx_up_same_dow_rate",
        "up_features",
        "'up_purchases.ctx_up_target_dow_orders'",
        "'up_purchases.ctx_up_near_target_hour_orders'",
    ),
    Change(
        "ctx_up_near_hour_rate",
        "up_features",
        "'up_purchases.ctx_up_near_target_hour_orders'",
        "'up_purchases.ctx_up_target_dow_orders'",
    ),
    Change(
        "ctx_up_days_since_last_order",
        "candidates",
        "        up_features.up_days_since_last_order + shoppers.days_since_prior_order\n",
        "        up_features.up_days_since_last_order + shoppers.order_number\n",
    ),
    Change(
        "ctx_up_overdue_days",
        "candidates",
        "'up_features.up_mean_days_between'",
        "'up_features.up_median_days_between'",
    ),
]

# `candidates` hands features on from a mart: another one in its place must be noticed too
MARTS = {
    "user_": "shoppers",
    "ctx_user_": "shoppers",
    "up_": "up_features",
    "ctx_up_": "up_features",
    "prod_shrunk_": "up_features",
}
NOT_HANDED_ON = ("ctx_up_days_since_last_order", "ctx_up_overdue_days")
RICHER_HANDED_ON = [
    Change(name, "candidates", f"        {mart}.{name},", f"        {mart}.{other} as {name},")
    for prefix, mart in MARTS.items()
    for names in [
        [name for name in RICHER_HEADER if name.startswith(prefix) and name not in NOT_HANDED_ON]
    ]
    for name, other in zip(names, names[1:] + names[:1], strict=True)
]

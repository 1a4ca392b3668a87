{{ config(
    partitioned_by=['orders_back'],
    meta={'partition_values': window_numbers()}
) }}

with

history_orders as (

    select * from {{ ref('history_orders') }}

),

user_aisles as (

    select * from {{ ref('user_aisles') }}

),

user_orders as (

    select
        user_id,
        cast(max(order_number) as bigint) as user_orders,
        cast(sum(days_since_prior_order) as bigint) as user_period,
        {{ safe_ratio('sum(days_since_prior_order)', 'count(days_since_prior_order)') }}
            as user_mean_days_since_prior,
        cast(sum(basket_size) as bigint) as user_total_products,
        {{ safe_ratio(
            'sum(basket_reorders)', 'sum(case when order_number > 1 then basket_size end)'
        ) }} as user_reorder_ratio,
        {{ median('days_since_prior_order') }} as user_median_days_since_prior,
        {{ standard_deviation('days_since_prior_order') }} as user_sd_days_since_prior,
        max(case when orders_ago = 0 then days_since_prior_order end)
            as user_last_days_since_prior,
        {{ standard_deviation('basket_size') }} as user_sd_basket,
        max(case when orders_ago = 0 then basket_size end) as user_last_basket,
        {{ safe_ratio(
            'sum(case when orders_ago < 3 then basket_size end)', 'count(case when orders_ago < 3 then 1 end)'
        ) }} as user_recent_basket,
        {{ safe_ratio(
            'sum(case when orders_ago < 3 and order_number > 1 then basket_reorders end)',
            'sum(case when orders_ago < 3 and order_number > 1 then basket_size end)'
        ) }} as user_recent_reorder_ratio,
        {{ safe_ratio(
            'count(case when order_number > 1 and basket_size > 0 and basket_reorders = 0 then 1 end)',
            'count(case when order_number > 1 and basket_size > 0 then 1 end)'
        ) }} as user_none_ratio,
        count(case when days_ago < 30 then 1 end) as user_orders_in_last_30_days,
        {{ safe_ratio('sum(order_hour_of_day)', 'count(order_hour_of_day)') }}
            as user_mean_hour_of_day,
        cast(sum(order_weight) as bigint) as user_order_weight,
        cast(sum(day_weight) as bigint) as user_day_weight,
        {{ safe_ratio('sum(ctx_is_target_dow)', 'count(ctx_is_target_dow)') }}
            as ctx_user_same_dow_rate,
        {{ safe_ratio('sum(ctx_is_near_target_hour)', 'count(ctx_is_near_target_hour)') }}
            as ctx_user_near_hour_rate,
        orders_back
    from history_orders
    group by user_id, orders_back

),

user_products as (

    select
        user_id,
        cast(sum(aisle_products) as bigint) as user_distinct_products,
        cast(sum(aisle_organic_lines) as bigint) as organic_lines,
        orders_back
    from user_aisles
    group by user_id, orders_back

),

final as (

    select
        user_orders.user_id,
        user_orders.user_orders,
        user_orders.user_period,
        user_orders.user_mean_days_since_prior,
        user_orders.user_total_products,
        coalesce(user_products.user_distinct_products, 0) as user_distinct_products,
        user_orders.user_reorder_ratio,
        {{ safe_ratio('user_orders.user_total_products', 'user_orders.user_orders') }}
            as user_average_basket,
        user_orders.user_median_days_since_prior,
        user_orders.user_sd_days_since_prior,
        user_orders.user_last_days_since_prior,
        cast(user_orders.user_last_days_since_prior as double)
        - user_orders.user_median_days_since_prior as user_last_days_over_median,
        user_orders.user_sd_basket,
        user_orders.user_last_basket,
        {{ safe_ratio(
            'user_orders.user_recent_basket * user_orders.user_orders',
            'user_orders.user_total_products'
        ) }} as user_basket_trend,
        user_orders.user_recent_reorder_ratio,
        user_orders.user_none_ratio,
        user_orders.user_orders_in_last_30_days,
        user_orders.user_mean_hour_of_day,
        {{ safe_ratio('user_products.organic_lines', 'user_orders.user_total_products') }}
            as user_organic_ratio,
        user_orders.user_order_weight,
        user_orders.user_day_weight,
        user_orders.ctx_user_same_dow_rate,
        user_orders.ctx_user_near_hour_rate,
        user_orders.orders_back
    from user_orders
    left join user_products
        on
            user_orders.user_id = user_products.user_id
            and user_orders.orders_back = user_products.orders_back

)

select * from final

{{ config(
    partitioned_by=['orders_back'],
    meta={'partition_values': window_numbers()}
) }}

with

target_orders as (

    select * from {{ ref('target_orders') }}

),

target_lines as (

    select * from {{ ref('target_lines') }}

),

user_features as (

    select * from {{ ref('user_features') }}

),

known_baskets as (

    select
        user_id,
        orders_back
    from target_lines
    group by user_id, orders_back

),

final as (

    select
        target_orders.user_id,
        user_features.user_orders,
        user_features.user_period,
        user_features.user_mean_days_since_prior,
        user_features.user_total_products,
        user_features.user_distinct_products,
        user_features.user_reorder_ratio,
        target_orders.eval_set,
        target_orders.order_id,
        target_orders.order_number,
        target_orders.order_dow,
        target_orders.order_hour_of_day,
        target_orders.days_since_prior_order,
        user_features.user_average_basket,
        user_features.user_median_days_since_prior,
        user_features.user_sd_days_since_prior,
        user_features.user_last_days_since_prior,
        user_features.user_last_days_over_median,
        user_features.user_sd_basket,
        user_features.user_last_basket,
        user_features.user_basket_trend,
        user_features.user_recent_reorder_ratio,
        user_features.user_none_ratio,
        user_features.user_orders_in_last_30_days,
        user_features.user_mean_hour_of_day,
        user_features.user_organic_ratio,
        user_features.user_order_weight,
        user_features.user_day_weight,
        user_features.ctx_user_same_dow_rate,
        user_features.ctx_user_near_hour_rate,
        cast(target_orders.days_since_prior_order as double)
        - user_features.user_median_days_since_prior as ctx_user_days_over_median,
        case when known_baskets.user_id is not null then 0 end as label_of_absent_product,
        target_orders.orders_back
    from target_orders
    -- a shopper whose first order is to be predicted has no history, and so no features
    left join user_features
        on
            target_orders.user_id = user_features.user_id
            and target_orders.orders_back = user_features.orders_back
    left join known_baskets
        on
            target_orders.user_id = known_baskets.user_id
            and target_orders.orders_back = known_baskets.orders_back

)

select * from final

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

prd_features as (

    select * from {{ ref('prd_features') }}

),

up_features as (

    select * from {{ ref('up_features') }}

),

known_baskets as (

    select
        user_id,
        orders_back
    from target_lines
    group by user_id, orders_back

),

-- one row per shopper and window: small, so the large join below has a single partner for them
shoppers as (

    select
        target_orders.user_id,
        user_features.user_orders,
        user_features.user_period,
        user_features.user_mean_days_since_prior,
        user_features.user_total_products,
        user_features.user_distinct_products,
        user_features.user_reorder_ratio,
        user_features.user_average_basket,
        target_orders.eval_set,
        target_orders.order_id,
        target_orders.order_number,
        target_orders.order_dow,
        target_orders.order_hour_of_day,
        target_orders.days_since_prior_order,
        case when known_baskets.user_id is not null then 0 end as label_of_absent_product,
        target_orders.orders_back
    from target_orders
    inner join user_features
        on
            target_orders.user_id = user_features.user_id
            and target_orders.orders_back = user_features.orders_back
    left join known_baskets
        on
            target_orders.user_id = known_baskets.user_id
            and target_orders.orders_back = known_baskets.orders_back

),

final as (

    select
        up_features.user_id,
        up_features.product_id,
        shoppers.user_orders,
        shoppers.user_period,
        shoppers.user_mean_days_since_prior,
        shoppers.user_total_products,
        shoppers.user_distinct_products,
        shoppers.user_reorder_ratio,
        up_features.up_orders,
        up_features.up_first_order,
        up_features.up_last_order,
        up_features.up_average_cart_position,
        prd_features.prod_orders,
        prd_features.prod_reorders,
        prd_features.prod_first_orders,
        prd_features.prod_second_orders,
        shoppers.eval_set,
        shoppers.order_id,
        shoppers.order_number,
        shoppers.order_dow,
        shoppers.order_hour_of_day,
        shoppers.days_since_prior_order,
        prd_features.prod_reorder_probability,
        prd_features.prod_reorder_times,
        prd_features.prod_reorder_ratio,
        shoppers.user_average_basket,
        {{ safe_ratio('up_features.up_orders', 'shoppers.user_orders') }} as up_order_rate,
        shoppers.user_orders - up_features.up_last_order as up_orders_since_last_order,
        {{ safe_ratio(
            'up_features.up_orders',
            '(shoppers.user_orders - up_features.up_first_order + 1)'
        ) }} as up_order_rate_since_first_order,
        case
            when target_lines.product_id is not null then 1 else shoppers.label_of_absent_product
        end as reordered,
        up_features.orders_back
    from up_features
    inner join shoppers
        on
            up_features.user_id = shoppers.user_id
            and up_features.orders_back = shoppers.orders_back
    -- a left join, though every product is there: joins then keep this order, while an optimizer
    -- that sees orders_back as a key of its own may multiply shoppers by products
    left join prd_features
        on
            up_features.product_id = prd_features.product_id
            and up_features.orders_back = prd_features.orders_back
    left join target_lines
        on
            up_features.user_id = target_lines.user_id
            and up_features.product_id = target_lines.product_id
            and up_features.orders_back = target_lines.orders_back

)

select * from final

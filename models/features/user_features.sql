{{ config(
    partitioned_by=['orders_back'],
    meta={'partition_values': window_numbers()}
) }}

with

history_orders as (

    select * from {{ ref('history_orders') }}

),

up_features as (

    select * from {{ ref('up_features') }}

),

user_orders as (

    select
        user_id,
        cast(max(order_number) as bigint) as user_orders,
        cast(sum(days_since_prior_order) as bigint) as user_period,
        {{ safe_ratio('sum(days_since_prior_order)', 'count(days_since_prior_order)') }}
            as user_mean_days_since_prior,
        orders_back
    from history_orders
    group by user_id, orders_back

),

user_products as (

    select
        user_id,
        cast(sum(up_orders) as bigint) as total_products,
        count(*) as distinct_products,
        cast(sum(up_reorders) as bigint) as reorders,
        -- each product of the first order is one line of it
        cast(sum(case when up_first_order = 1 then 1 else 0 end) as bigint) as first_order_products,
        orders_back
    from up_features
    group by user_id, orders_back

),

final as (

    select
        user_orders.user_id,
        user_orders.user_orders,
        user_orders.user_period,
        user_orders.user_mean_days_since_prior,
        coalesce(user_products.total_products, 0) as user_total_products,
        coalesce(user_products.distinct_products, 0) as user_distinct_products,
        {{ safe_ratio(
            'user_products.reorders',
            '(user_products.total_products - user_products.first_order_products)'
        ) }} as user_reorder_ratio,
        {{ safe_ratio('coalesce(user_products.total_products, 0)', 'user_orders.user_orders') }}
            as user_average_basket,
        user_orders.orders_back
    from user_orders
    left join user_products
        on
            user_orders.user_id = user_products.user_id
            and user_orders.orders_back = user_products.orders_back

)

select * from final

-- How do shoppers with many orders differ from those with few?
with

user_features as (

    select * from {{ ref('user_features') }}
    where orders_back = 0

),

users as (

    select
        case
            when user_orders >= 50 then 50
            when user_orders >= 20 then 20
            when user_orders >= 10 then 10
            when user_orders >= 5 then 5
            else 1
        end as fewest_orders,
        user_orders,
        user_period,
        user_total_products,
        user_distinct_products
    from user_features

),

cohorts as (

    select
        fewest_orders,
        count(*) as shoppers,
        cast(sum(user_orders) as bigint) as orders,
        cast(sum(user_orders - 1) as bigint) as intervals,
        cast(coalesce(sum(user_period), 0) as bigint) as interval_days,
        cast(sum(user_total_products) as bigint) as order_lines,
        -- every line is either the shopper's first purchase of the product or a reorder
        cast(sum(user_total_products - user_distinct_products) as bigint) as reorders
    from users
    group by fewest_orders

),

final as (

    select
        fewest_orders,
        shoppers,
        {{ safe_ratio('shoppers', 'sum(shoppers) over ()') }} as shopper_share,
        orders,
        {{ safe_ratio('orders', 'sum(orders) over ()') }} as order_share,
        {{ safe_ratio('interval_days', 'intervals') }} as mean_days_between_orders,
        {{ safe_ratio('order_lines', 'orders') }} as mean_basket,
        {{ safe_ratio('reorders', 'order_lines') }} as reorder_ratio
    from cohorts

)

select * from final
order by fewest_orders

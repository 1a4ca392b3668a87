{{ config(post_hook="{{ say_incomplete_baskets() }}") }}

with

orders as (

    select * from {{ ref('stg_orders') }}

),

order_products as (

    select * from {{ ref('stg_order_products') }}

),

baskets as (

    select
        order_id,
        count(*) as basket_size,
        cast(sum(reordered) as bigint) as basket_reorders,
        -- whole numbers from 1 to n add up to this, and so do their squares
        case
            when
                min(add_to_cart_order) = 1
                and max(add_to_cart_order) = count(*)
                and sum(cast(add_to_cart_order as double)) * 2 = count(*) * (count(*) + 1)
                and sum(cast(add_to_cart_order as double) * add_to_cart_order) * 6
                = count(*) * (count(*) + 1) * (2 * count(*) + 1)
                then 1
            else 0
        end as has_every_cart_place
    from order_products
    group by order_id

),

final as (

    select
        orders.user_id,
        orders.order_id,
        orders.order_number,
        orders.order_dow,
        orders.order_hour_of_day,
        orders.days_since_prior_order,
        cast(
            sum(coalesce(orders.days_since_prior_order, 0)) over (
                partition by orders.user_id
                order by orders.order_number
                rows between unbounded preceding and current row
            ) as integer
        ) as order_day,
        coalesce(baskets.basket_size, 0) as basket_size,
        coalesce(baskets.basket_reorders, 0) as basket_reorders,
        baskets.has_every_cart_place
    from orders
    left join baskets
        on orders.order_id = baskets.order_id

)

select * from final

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
        cast(sum(reordered) as bigint) as basket_reorders
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
        coalesce(baskets.basket_reorders, 0) as basket_reorders
    from orders
    left join baskets
        on orders.order_id = baskets.order_id

)

select * from final

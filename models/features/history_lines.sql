{{ config(materialized='view') }}

-- a line of an unknown product must stop the build before it gets any further:
-- depends_on: {{ ref('stg_products') }}

with

order_products as (

    select * from {{ ref('stg_order_products') }}

),

history_orders as (

    select * from {{ ref('history_orders') }}

),

final as (

    select
        history_orders.user_id,
        order_products.order_id,
        order_products.product_id,
        history_orders.order_number,
        order_products.add_to_cart_order,
        order_products.reordered,
        history_orders.orders_ago,
        history_orders.days_ago,
        history_orders.order_weight,
        history_orders.day_weight,
        history_orders.order_bit,
        history_orders.ctx_is_target_dow,
        history_orders.ctx_is_near_target_hour,
        history_orders.orders_back
    from order_products
    inner join history_orders
        on order_products.order_id = history_orders.order_id

)

select * from final

{{ config(
    partitioned_by=['orders_back'],
    meta={'partition_values': window_numbers()}
) }}

-- a line of an unknown product must stop the build before it gets any further:
-- depends_on: {{ ref('stg_products') }}

with

order_products as (

    select * from {{ ref('stg_order_products') }}

),

target_orders as (

    select * from {{ ref('target_orders') }}

),

final as (

    select
        target_orders.user_id,
        order_products.order_id,
        order_products.product_id,
        order_products.add_to_cart_order,
        order_products.reordered,
        target_orders.orders_back
    from order_products
    inner join target_orders
        -- eval_set, which order_id implies, saves reading partitions without a target order
        on
            order_products.order_id = target_orders.order_id
            and order_products.eval_set = target_orders.eval_set

)

select * from final

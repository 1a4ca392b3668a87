with

orders as (

    select * from {{ ref('stg_orders') }}

),

order_products as (

    select * from {{ ref('stg_order_products') }}

),

final as (

    select
        orders.user_id,
        orders.order_number,
        order_products.order_id,
        order_products.product_id,
        order_products.add_to_cart_order,
        order_products.reordered,
        orders.ordered_at
    from order_products
    inner join orders
        on order_products.order_id = orders.order_id

)

select * from final

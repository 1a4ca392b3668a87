-- How much of a basket is new to the shopper, from the first order to the hundredth?
with

history_lines as (

    select * from {{ ref('history_lines') }}
    where orders_back = 0

),

baskets as (

    select
        order_id,
        order_number,
        count(*) as order_lines,
        cast(sum(1 - reordered) as bigint) as new_products
    from history_lines
    group by order_id, order_number

),

order_numbers as (

    select
        order_number,
        count(*) as orders,
        cast(sum(order_lines) as bigint) as order_lines,
        cast(sum(new_products) as bigint) as new_products
    from baskets
    group by order_number

),

final as (

    select
        order_number,
        orders,
        order_lines,
        new_products,
        {{ safe_ratio('new_products', 'order_lines') }} as new_product_ratio,
        {{ safe_ratio('new_products', 'orders') }} as mean_new_products
    from order_numbers

)

select * from final
order by order_number

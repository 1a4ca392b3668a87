-- `reordered` is 0 where a shopper first buys a product, and only there. That each pair has exactly
-- one such line is a test of up_features; here the order numbers of those lines must add up to the
-- first orders of the pairs, which no other line can lower. One sum per shopper instead of a
-- look-up per line.
with

first_lines as (

    select
        user_id,
        orders_back,
        sum(order_number) as order_numbers
    from {{ ref('history_lines') }}
    where reordered = 0
    group by user_id, orders_back

),

first_orders as (

    select
        user_id,
        orders_back,
        sum(up_first_order) as order_numbers
    from {{ ref('up_purchases') }}
    group by user_id, orders_back

)

select
    first_orders.user_id,
    first_orders.orders_back,
    first_lines.order_numbers as marked_as_first,
    first_orders.order_numbers as expected
from first_orders
left join first_lines
    on
        first_orders.user_id = first_lines.user_id
        and first_orders.orders_back = first_lines.orders_back
where first_orders.order_numbers <> coalesce(first_lines.order_numbers, 0)

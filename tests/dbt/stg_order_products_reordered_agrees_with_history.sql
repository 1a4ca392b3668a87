-- `reordered` is 0 where a shopper first buys a product, and only there. That each pair has exactly
-- one such line is a test of up_features; here the order numbers of those lines must add up to the
-- first orders of the pairs, which no other line can lower. One sum per shopper instead of a
-- look-up per line. A history that up_features leaves out differs too.
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
    from {{ ref('up_features') }}
    group by user_id, orders_back

)

select
    coalesce(first_orders.user_id, first_lines.user_id) as user_id,
    coalesce(first_orders.orders_back, first_lines.orders_back) as orders_back,
    first_lines.order_numbers as marked_as_first,
    first_orders.order_numbers as expected
from first_orders
full join first_lines
    on
        first_orders.user_id = first_lines.user_id
        and first_orders.orders_back = first_lines.orders_back
where coalesce(first_orders.order_numbers, 0) <> coalesce(first_lines.order_numbers, 0)

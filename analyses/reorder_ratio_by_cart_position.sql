-- Do shoppers put the products that they buy again into the cart first?
with

history_lines as (

    select * from {{ ref('history_lines') }}
    where orders_back = 0

),

-- a first order holds no reorder, whatever the position
later_lines as (

    select
        case when add_to_cart_order < 20 then add_to_cart_order else 20 end as cart_position,
        reordered
    from history_lines
    where order_number > 1

),

positions as (

    select
        cart_position,
        count(*) as order_lines,
        cast(sum(reordered) as bigint) as reorders
    from later_lines
    group by cart_position

),

final as (

    select
        cart_position,
        order_lines,
        reorders,
        {{ safe_ratio('reorders', 'order_lines') }} as reorder_ratio
    from positions

)

select * from final
order by cart_position

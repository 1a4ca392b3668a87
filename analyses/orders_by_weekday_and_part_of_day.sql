-- When in the week do shoppers order, and when do they come for what they bought before?
with

orders as (

    select * from {{ ref('stg_orders') }}

),

order_products as (

    select * from {{ ref('stg_order_products') }}

),

weekdays as (

    select * from {{ ref('weekdays') }}

),

parts_of_day as (

    select * from {{ ref('parts_of_day') }}

),

baskets as (

    select
        order_id,
        count(*) as order_lines,
        cast(sum(reordered) as bigint) as reorders
    from order_products
    group by order_id

),

volumes as (

    select
        weekdays.order_dow,
        weekdays.weekday,
        coalesce(parts_of_day.part_of_day, 'unknown') as part_of_day,
        min(parts_of_day.order_hour_of_day) as first_hour,
        count(*) as orders,
        cast(coalesce(sum(baskets.order_lines), 0) as bigint) as order_lines,
        cast(coalesce(sum(baskets.reorders), 0) as bigint) as reorders
    from orders
    inner join weekdays
        on orders.order_dow = weekdays.order_dow
    left join parts_of_day
        on orders.order_hour_of_day = parts_of_day.order_hour_of_day
    left join baskets
        on orders.order_id = baskets.order_id
    group by weekdays.order_dow, weekdays.weekday, parts_of_day.part_of_day

),

final as (

    select
        order_dow,
        weekday,
        part_of_day,
        first_hour,
        orders,
        {{ safe_ratio('orders', 'sum(orders) over ()') }} as order_share,
        order_lines,
        reorders,
        {{ safe_ratio('reorders', 'order_lines') }} as reorder_ratio
    from volumes

)

select * from final
order by order_dow, first_hour

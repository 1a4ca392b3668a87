{#- a table, so that what reads it twice works through one window at a time -#}
{{ config(
    partitioned_by=['orders_back'],
    meta={'partition_values': window_numbers()}
) }}

{#-
    An order of n products holds n (n - 1) / 2 pairs, about 75 in a grocery shop: counting every
    order of a large shop would give hundreds of millions. So each window counts the newest order of
    every history, then the second newest and so on, as long as that makes no more than this many
    orders (45 million pairs). A small shop counts all of its orders.
-#}
{%- set most_orders = 600000 -%}

with

history_orders as (

    select * from {{ ref('history_orders') }}

),

user_windows as (

    select * from {{ ref('user_windows') }}

),

aged_orders as (

    select
        history_orders.order_id,
        user_windows.target_order_number - history_orders.order_number as age,
        history_orders.orders_back
    from history_orders
    inner join user_windows
        on
            history_orders.user_id = user_windows.user_id
            and history_orders.orders_back = user_windows.orders_back

),

ages as (

    select
        age,
        count(*) as orders,
        orders_back
    from aged_orders
    group by age, orders_back

),

ages_so_far as (

    select
        age,
        cast(sum(orders) over (partition by orders_back order by age) as bigint) as orders_counted,
        orders_back
    from ages

),

counted_ages as (

    select
        orders_back,
        max(age) as oldest_age,
        max(orders_counted) as orders_counted
    from ages_so_far
    where age = 1 or orders_counted <= {{ most_orders }}
    group by orders_back

),

final as (

    select
        aged_orders.order_id,
        counted_ages.orders_counted,
        aged_orders.orders_back
    from aged_orders
    inner join counted_ages
        on
            aged_orders.orders_back = counted_ages.orders_back
            and aged_orders.age <= counted_ages.oldest_age

)

select * from final

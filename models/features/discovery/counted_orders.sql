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

ages as (

    select
        orders_ago,
        count(*) as orders,
        orders_back
    from history_orders
    group by orders_ago, orders_back

),

ages_so_far as (

    select
        orders_ago,
        cast(sum(orders) over (partition by orders_back order by orders_ago) as bigint)
            as orders_counted,
        orders_back
    from ages

),

final as (

    select
        max(orders_ago) as oldest_orders_ago,
        max(orders_counted) as orders_counted,
        orders_back
    from ages_so_far
    where orders_ago = 0 or orders_counted <= {{ most_orders }}
    group by orders_back

)

select * from final

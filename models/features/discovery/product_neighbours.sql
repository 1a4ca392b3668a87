{#- without meta.partition_values: the windows share the work of one query -#}
{{ config(
    partitioned_by=['orders_back'],
    meta={'sorted_by': ['product_id', 'neighbour_rank']}
) }}

{#-
    One chance meeting per so many orders, rounded, is no evidence: up to 100,000 orders every pair
    counts. Most pairs of a shop with many products meet once: 11.9 of the 14 million of a grocery's
    year.
-#}
{%- set orders_per_meeting = 200000 -%}
{#- so many meetings keep half of the cosine -#}
{%- set shrinkage = 3 -%}
{#- a product counts as if so many more orders had held it without any neighbour -#}
{%- set orders_without = 60 -%}
{%- set nearest = 50 -%}
{%- set likeliest = 10 -%}

with

order_products as (

    select * from {{ ref('stg_order_products') }}

),

history_orders as (

    select * from {{ ref('history_orders') }}

),

counted_orders as (

    select * from {{ ref('counted_orders') }}

),

-- windows share most of their orders: each order is looked at once
order_windows as (

    select
        {%- for orders_back in window_numbers() %}
        max(case when history_orders.orders_back = {{ orders_back }} then 1 else 0 end)
            as in_{{ orders_back }},
        {%- endfor %}
        history_orders.order_id
    from history_orders
    inner join counted_orders
        on
            history_orders.orders_back = counted_orders.orders_back
            and history_orders.orders_ago <= counted_orders.oldest_orders_ago
    group by history_orders.order_id

),

counted_lines as (

    select
        {%- for orders_back in window_numbers() %}
        order_windows.in_{{ orders_back }},
        {%- endfor %}
        order_products.order_id,
        order_products.product_id
    from order_products
    inner join order_windows
        on order_products.order_id = order_windows.order_id

),

pairs as (

    {{ pairs_of_lines('counted_lines') }}

),

pairs_of_windows as (

    select
        pairs.first_product_id,
        pairs.second_product_id,
        {%- for name in ['together', 'first_orders', 'second_orders'] %}
        case counted_orders.orders_back
            {%- for orders_back in window_numbers() %}
            when {{ orders_back }} then pairs.{{ name }}_{{ orders_back }}
            {%- endfor %}
        end as {{ name }},
        {%- endfor %}
        counted_orders.orders_counted,
        counted_orders.orders_back
    from pairs
    cross join counted_orders

),

-- each pair is a neighbour both ways; a union would have an engine count the pairs twice
directions as (

    select true as is_forwards
    union all
    select false as is_forwards

),

counts as (

    select
        case
            when directions.is_forwards then pairs.first_product_id else pairs.second_product_id
        end as product_id,
        case
            when directions.is_forwards then pairs.second_product_id else pairs.first_product_id
        end as neighbour_id,
        pairs.together as orders_together,
        case when directions.is_forwards then pairs.first_orders else pairs.second_orders end
            as product_orders,
        case when directions.is_forwards then pairs.second_orders else pairs.first_orders end
            as neighbour_orders,
        pairs.orders_counted,
        pairs.orders_back
    from pairs_of_windows as pairs
    cross join directions
    where (2 * pairs.together - 1) * {{ orders_per_meeting }} > 2 * pairs.orders_counted

),

scores as (

    select
        *,
        {{ safe_ratio('orders_together', '(product_orders + ' ~ orders_without ~ ')') }}
            as shrunk_confidence,
        {{ safe_ratio(
            'orders_together',
            'sqrt(cast(product_orders * neighbour_orders as double))'
        ) }}
        * ({{ safe_ratio('orders_together', '(orders_together + ' ~ shrinkage ~ ')') }})
            as shrunk_cosine
    from counts

),

ranked as (

    select
        *,
        -- what is near beyond chance, and what is often there whatever the reason
        cast(row_number() over (
            partition by product_id, orders_back
            order by shrunk_cosine desc, neighbour_id asc
        ) as integer) as neighbour_rank,
        cast(row_number() over (
            partition by product_id, orders_back
            order by shrunk_confidence desc, neighbour_orders desc, neighbour_id asc
        ) as integer) as confidence_rank
    from scores

),

final as (

    select
        product_id,
        neighbour_id,
        neighbour_rank,
        confidence_rank,
        orders_together,
        {{ safe_ratio('orders_together', 'orders_counted') }} as pair_support,
        {{ safe_ratio('orders_together', 'product_orders') }} as confidence,
        shrunk_confidence,
        {{ safe_ratio(
            'orders_together * orders_counted',
            '(product_orders * neighbour_orders)'
        ) }} as lift,
        shrunk_cosine,
        orders_back
    from ranked
    where neighbour_rank <= {{ nearest }} or confidence_rank <= {{ likeliest }}

)

select * from final

{{ config(
    partitioned_by=['orders_back'],
    meta={
        'partition_values': window_numbers(),
        'sorted_by': ['product_id', 'neighbour_rank']
    }
) }}

{#- one chance meeting per so many orders is no evidence: up to here every pair counts -#}
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

-- each line carries its product's orders and the window's, so that nothing is joined to the pairs
counted_lines as (

    select
        order_products.order_id,
        order_products.product_id,
        counted_orders.orders_counted,
        count(*) over (
            partition by order_products.product_id, history_orders.orders_back
        ) as product_orders,
        history_orders.orders_back
    from order_products
    inner join history_orders
        on order_products.order_id = history_orders.order_id
    inner join counted_orders
        on
            history_orders.orders_back = counted_orders.orders_back
            and history_orders.orders_ago <= counted_orders.oldest_orders_ago

),

pairs as (

    {{ pairs_of_lines('counted_lines') }}

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
        pairs.orders_together,
        case
            when directions.is_forwards then pairs.first_orders else pairs.second_orders
        end as product_orders,
        case
            when directions.is_forwards then pairs.second_orders else pairs.first_orders
        end as neighbour_orders,
        pairs.orders_counted,
        pairs.orders_back
    from pairs
    cross join directions
    where pairs.orders_together * {{ orders_per_meeting }} > pairs.orders_counted

),

scores as (

    select
        product_id,
        neighbour_id,
        orders_together,
        {{ safe_ratio('orders_together', 'orders_counted') }} as pair_support,
        {{ safe_ratio('orders_together', 'product_orders') }} as confidence,
        {{ safe_ratio('orders_together', '(product_orders + ' ~ orders_without ~ ')') }}
            as shrunk_confidence,
        {{ safe_ratio(
            'orders_together * orders_counted',
            '(product_orders * neighbour_orders)'
        ) }} as lift,
        {{ safe_ratio(
            'orders_together',
            'sqrt(cast(product_orders * neighbour_orders as double))'
        ) }}
        * ({{ safe_ratio('orders_together', '(orders_together + ' ~ shrinkage ~ ')') }})
            as shrunk_cosine,
        neighbour_orders,
        orders_back
    from counts

),

ranked as (

    select
        product_id,
        neighbour_id,
        -- what is near beyond chance, and what is often there whatever the reason
        cast(row_number() over (
            partition by product_id, orders_back
            order by shrunk_cosine desc, neighbour_id asc
        ) as integer) as neighbour_rank,
        cast(row_number() over (
            partition by product_id, orders_back
            order by shrunk_confidence desc, neighbour_orders desc, neighbour_id asc
        ) as integer) as confidence_rank,
        orders_together,
        pair_support,
        confidence,
        shrunk_confidence,
        lift,
        shrunk_cosine,
        orders_back
    from scores

),

final as (

    select * from ranked
    where neighbour_rank <= {{ nearest }} or confidence_rank <= {{ likeliest }}

)

select * from final

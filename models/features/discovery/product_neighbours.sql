{{ config(
    partitioned_by=['orders_back'],
    sorted_by=['product_id', 'neighbour_rank']
) }}

{#- all windows in one go: asked for one of them, DuckDB pairs the lines of all before it looks -#}
{#- one chance meeting per so many orders is no evidence: up to here every pair counts -#}
{%- set orders_per_meeting = 200000 -%}
{#- so many meetings keep half of the cosine -#}
{%- set shrinkage = 3 -%}
{%- set most_neighbours = 50 -%}

with

history_lines as (

    select * from {{ ref('history_lines') }}

),

counted_orders as (

    select * from {{ ref('counted_orders') }}

),

window_sizes as (

    select
        orders_back,
        max(orders_counted) as orders_counted
    from counted_orders
    group by orders_back

),

counted_lines as (

    select
        history_lines.order_id,
        history_lines.product_id,
        history_lines.orders_back
    from history_lines
    inner join counted_orders
        on
            history_lines.order_id = counted_orders.order_id
            and history_lines.orders_back = counted_orders.orders_back

),

product_orders as (

    select
        product_id,
        count(*) as orders,
        orders_back
    from counted_lines
    group by product_id, orders_back

),

pairs as (

    select
        one.product_id as first_product_id,
        other.product_id as second_product_id,
        count(*) as orders_together,
        one.orders_back
    from counted_lines as one
    inner join counted_lines as other
        on
            one.order_id = other.order_id
            and one.orders_back = other.orders_back
            and one.product_id < other.product_id
    group by one.product_id, other.product_id, one.orders_back

),

both_directions as (

    select
        first_product_id as product_id,
        second_product_id as neighbour_id,
        orders_together,
        orders_back
    from pairs
    union all
    select
        second_product_id as product_id,
        first_product_id as neighbour_id,
        orders_together,
        orders_back
    from pairs

),

counts as (

    select
        both_directions.product_id,
        both_directions.neighbour_id,
        both_directions.orders_together,
        product_orders.orders as product_orders,
        neighbour_orders.orders as neighbour_orders,
        window_sizes.orders_counted,
        both_directions.orders_back
    from both_directions
    inner join product_orders
        on
            both_directions.product_id = product_orders.product_id
            and both_directions.orders_back = product_orders.orders_back
    inner join product_orders as neighbour_orders
        on
            both_directions.neighbour_id = neighbour_orders.product_id
            and both_directions.orders_back = neighbour_orders.orders_back
    inner join window_sizes
        on both_directions.orders_back = window_sizes.orders_back
    where both_directions.orders_together * {{ orders_per_meeting }} > window_sizes.orders_counted

),

scores as (

    select
        product_id,
        neighbour_id,
        orders_together,
        {{ safe_ratio('orders_together', 'orders_counted') }} as pair_support,
        {{ safe_ratio('orders_together', 'product_orders') }} as confidence,
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
        orders_back
    from counts

),

ranked as (

    select
        product_id,
        neighbour_id,
        orders_together,
        pair_support,
        confidence,
        lift,
        shrunk_cosine,
        cast(row_number() over (
            partition by product_id, orders_back
            order by shrunk_cosine desc, neighbour_id asc
        ) as integer) as neighbour_rank,
        orders_back
    from scores

),

final as (

    select
        product_id,
        neighbour_id,
        neighbour_rank,
        orders_together,
        pair_support,
        confidence,
        lift,
        shrunk_cosine,
        orders_back
    from ranked
    where neighbour_rank <= {{ most_neighbours }}

)

select * from final

{% macro pairs_of_lines(lines) %}
    select
        one.product_id as first_product_id,
        other.product_id as second_product_id,
        count(*) as orders_together,
        max(one.product_orders) as first_orders,
        max(other.product_orders) as second_orders,
        max(one.orders_counted) as orders_counted,
        one.orders_back
    from {{ adapter.dispatch('lines_beside_lines')(lines) }}
    where one.product_id < other.product_id
    group by one.product_id, other.product_id, one.orders_back
{% endmacro %}


{#-
    Trino reads a common table expression again wherever it is named, so a join of lines to lines would
    scan them twice: the lines of an order are gathered and laid beside each other from there.
-#}
{% macro athena__lines_beside_lines(lines) %}
    {%- set columns = 'product_id, product_orders, orders_counted, orders_back' -%}
    (
        select
            array_agg(cast(
                row({{ columns }}) as row(
                    product_id bigint, product_orders bigint, orders_counted bigint, orders_back integer
                )
            )) as lines
        from {{ lines }}
        group by order_id, orders_back
    ) as baskets
    cross join unnest(baskets.lines) as one ({{ columns }})
    cross join unnest(baskets.lines) as other ({{ columns }})
{%- endmacro %}


{#- DuckDB reads the lines once either way, and its join takes a fifth of the time. -#}
{% macro duckdb__lines_beside_lines(lines) -%}
    {{ lines }} as one
    inner join {{ lines }} as other
        on
            one.order_id = other.order_id
            and one.orders_back = other.orders_back
{%- endmacro %}

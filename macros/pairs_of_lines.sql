{#-
    The pairs of products that lie in one order, counted: a select over `lines` (order_id, product_id,
    product_orders, orders_counted, orders_back), each pair once, the lower id first.
-#}
{% macro pairs_of_lines(lines) -%}
    {{ return(adapter.dispatch('pairs_of_lines')(lines)) }}
{%- endmacro %}


{#-
    Trino reads a common table expression again wherever it is named, so a join of lines to lines would
    scan them twice: the lines of an order are gathered and paired from there.
-#}
{% macro athena__pairs_of_lines(lines) %}
    select
        one.product_id as first_product_id,
        other.product_id as second_product_id,
        count(*) as orders_together,
        max(one.product_orders) as first_orders,
        max(other.product_orders) as second_orders,
        max(baskets.orders_counted) as orders_counted,
        baskets.orders_back
    from (
        select
            array_agg(
                cast(row(product_id, product_orders) as row(product_id bigint, product_orders bigint))
            ) as products,
            max(orders_counted) as orders_counted,
            orders_back
        from {{ lines }}
        group by order_id, orders_back
    ) as baskets
    cross join unnest(baskets.products) as one (product_id, product_orders)
    cross join unnest(baskets.products) as other (product_id, product_orders)
    where one.product_id < other.product_id
    group by one.product_id, other.product_id, baskets.orders_back
{% endmacro %}


{#- DuckDB reads the lines once either way, and its join takes a fifth of the time. -#}
{% macro duckdb__pairs_of_lines(lines) %}
    select
        one.product_id as first_product_id,
        other.product_id as second_product_id,
        count(*) as orders_together,
        max(one.product_orders) as first_orders,
        max(other.product_orders) as second_orders,
        max(one.orders_counted) as orders_counted,
        one.orders_back
    from {{ lines }} as one
    inner join {{ lines }} as other
        on
            one.order_id = other.order_id
            and one.orders_back = other.orders_back
            and one.product_id < other.product_id
    group by one.product_id, other.product_id, one.orders_back
{% endmacro %}

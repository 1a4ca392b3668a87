{#-
    Trino reads a common table expression again wherever it is named, so there each line carries how
    many orders hold its product, and so do the pairs.
-#}
{% macro pairs_of_lines(lines) %}
    {{ adapter.dispatch('pairs_of_lines')(lines) }}
{% endmacro %}


{#- The lines of an order are gathered and laid beside each other: a join would read them twice. -#}
{% macro athena__pairs_of_lines(lines) %}
    {%- set columns = ['product_id'] %}
    {%- set types = ['product_id bigint'] %}
    {%- for orders_back in window_numbers() %}
        {%- do columns.extend(['in_' ~ orders_back, 'orders_' ~ orders_back]) %}
        {%- do types.extend(['in_' ~ orders_back ~ ' integer', 'orders_' ~ orders_back ~ ' bigint']) %}
    {%- endfor %}
    select
        one.product_id as first_product_id,
        other.product_id as second_product_id,
        {{ _counts_by_window('together') }},
        {%- for orders_back in window_numbers() %}
        max(one.orders_{{ orders_back }}) as first_orders_{{ orders_back }},
        max(other.orders_{{ orders_back }}) as second_orders_{{ orders_back }}
        {{- ',' if not loop.last }}
        {%- endfor %}
    from (
        select
            array_agg(cast(
                row({{ columns | join(', ') }}) as row({{ types | join(', ') }})
            )) as lines
        from (
            select
                order_id,
                product_id,
                {%- for orders_back in window_numbers() %}
                in_{{ orders_back }},
                count(case when in_{{ orders_back }} = 1 then 1 end) over (
                    partition by product_id
                ) as orders_{{ orders_back }}{{ ',' if not loop.last }}
                {%- endfor %}
            from {{ lines }}
        ) as lines_of_products
        group by order_id
    ) as baskets
    cross join unnest(baskets.lines) as one ({{ columns | join(', ') }})
    cross join unnest(baskets.lines) as other ({{ columns | join(', ') }})
    where one.product_id < other.product_id
    group by one.product_id, other.product_id
{% endmacro %}


{#- DuckDB joins in a fifth of that time, and carrying the products' orders would double it. -#}
{% macro duckdb__pairs_of_lines(lines) %}
    {%- set numbers = window_numbers() %}
    select
        pairs.*,
        {%- for orders_back in numbers %}
        firsts.orders_{{ orders_back }} as first_orders_{{ orders_back }},
        seconds.orders_{{ orders_back }} as second_orders_{{ orders_back }}{{ ',' if not loop.last }}
        {%- endfor %}
    from (
        select
            one.product_id as first_product_id,
            other.product_id as second_product_id,
            {{ _counts_by_window('together') }}
        from {{ lines }} as one
        inner join {{ lines }} as other
            on one.order_id = other.order_id
        where one.product_id < other.product_id
        group by one.product_id, other.product_id
    ) as pairs
    {%- for side in ['first', 'second'] %}
    inner join (
        select
            one.product_id,
            {{ _counts_by_window('orders') }}
        from {{ lines }} as one
        group by one.product_id
    ) as {{ side }}s
        on pairs.{{ side }}_product_id = {{ side }}s.product_id
    {%- endfor %}
{% endmacro %}


{% macro _counts_by_window(name) -%}
    {%- for orders_back in window_numbers() -%}
    count(case when one.in_{{ orders_back }} = 1 then 1 end) as {{ name }}_{{ orders_back }}{{ ', ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

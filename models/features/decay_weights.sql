{#-
    What is left of a purchase after one order, after one day; the longest distance that still counts;
    the orders that have a bit each. dbt works the powers out, because engines round them differently.
-#}
{%- set per_order = 0.85 -%}
{%- set per_day = 0.98 -%}
{%- set longest_ago = 400 -%}
{%- set orders_with_a_bit = 10 -%}

with

weights as (

    select
        weight.steps_ago,
        weight.order_weight,
        weight.day_weight,
        weight.order_bit
    from (
        values
        {%- for steps_ago in range(longest_ago + 1) %}
        (
            {{ steps_ago }},
            {{ (2 ** 30 * per_order ** steps_ago) | round | int }},
            {{ (2 ** 30 * per_day ** steps_ago) | round | int }},
            {{ 2 ** steps_ago if steps_ago < orders_with_a_bit else 0 }}
        ){{ ',' if not loop.last }}
        {%- endfor %}
    ) as weight (steps_ago, order_weight, day_weight, order_bit)

),

final as (

    select
        cast(steps_ago as integer) as steps_ago,
        cast(order_weight as bigint) as order_weight,
        cast(day_weight as bigint) as day_weight,
        cast(order_bit as integer) as order_bit
    from weights

)

select * from final

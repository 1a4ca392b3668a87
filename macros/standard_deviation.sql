{#-
    Made of integer sums and one square root, because an engine's own function may add doubles in any
    order.
-#}
{% macro standard_deviation(value) -%}
    sqrt(cast(
        count({{ value }}) * cast(sum(cast({{ value }} as bigint) * {{ value }}) as bigint)
        - cast(sum({{ value }}) as bigint) * cast(sum({{ value }}) as bigint)
        as double
    )) / nullif(cast(count({{ value }}) as double), cast(0 as double))
{%- endmacro %}

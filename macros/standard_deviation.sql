{#-
    The population standard deviation of whole numbers, as an aggregate. It is made of integer sums
    and one square root, because an engine's own function may add doubles in any order.
-#}
{% macro standard_deviation(value) -%}
    sqrt(cast(
        count({{ value }}) * cast(sum({{ value }} * {{ value }}) as bigint)
        - cast(sum({{ value }}) as bigint) * cast(sum({{ value }}) as bigint)
        as double
    )) / nullif(cast(count({{ value }}) as double), cast(0 as double))
{%- endmacro %}

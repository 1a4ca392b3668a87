{% macro decayed(weight) -%}
    cast(cast({{ weight }} as double) / cast({{ 2 ** 30 }} as double) as real)
{%- endmacro %}

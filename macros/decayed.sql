{% macro decayed(weight) -%}
    cast({{ weight }} as double) / cast({{ 2 ** 30 }} as double)
{%- endmacro %}

{#- A sum of the seed decay_weights' weights as a double: they are written in units of 2^-30. -#}
{% macro decayed(weight) -%}
    cast({{ weight }} as double) / cast({{ 2 ** 30 }} as double)
{%- endmacro %}

{#- the adapter's own casts to the catalogue's names of types, and queries do not know `float` -#}
{% macro athena__safe_cast(field, type) -%}
    try_cast({{ field }} as {{ dml_data_type(type) }})
{%- endmacro %}

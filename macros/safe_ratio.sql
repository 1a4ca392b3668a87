{#- Trino divides two integers to an integer, DuckDB to a double: the casts make them one -#}
{% macro safe_ratio(numerator, denominator) -%}
    cast({{ numerator }} as double) / nullif(cast({{ denominator }} as double), cast(0 as double))
{%- endmacro %}


{% macro real_ratio(numerator, denominator) -%}
    cast({{ safe_ratio(numerator, denominator) }} as real)
{%- endmacro %}

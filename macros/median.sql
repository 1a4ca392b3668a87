{% macro median(value) -%}
    {{ return(adapter.dispatch('median')(value)) }}
{%- endmacro %}


{#- Trino, and so Athena, has no exact median: the middle of a sorted array, in which nulls come last. -#}
{% macro athena__median(value) -%}
    {%- set sorted_values = 'array_sort(array_agg(' ~ value ~ '))' -%}
    {%- set lower_middle = 'nullif(cast(floor((count(' ~ value ~ ') + 1) / 2) as bigint), 0)' -%}
    {%- set upper_middle = 'cast(floor(count(' ~ value ~ ') / 2) as bigint) + 1' -%}
    (
        cast(element_at({{ sorted_values }}, {{ lower_middle }}) as double)
        + cast(element_at({{ sorted_values }}, {{ upper_middle }}) as double)
    ) / cast(2 as double)
{%- endmacro %}


{#- DuckDB has one, which is exact and takes half the time of a sort by group. -#}
{% macro duckdb__median(value) -%}
    median({{ value }})
{%- endmacro %}

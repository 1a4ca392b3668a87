{#- engines write bit operations differently, but not mod -#}
{% macro bought_back(bits, n) -%}
    case when mod({{ bits }}, {{ 2 ** n }}) >= {{ 2 ** (n - 1) }} then 1 else 0 end
{%- endmacro %}


{% macro bought_in_last(bits, n) -%}
    {%- for back in range(1, n + 1) -%}
        {{ bought_back(bits, back) }}{{ ' + ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}


{% macro streak(bits) -%}
    case
    {%- for length in range(10, 0, -1) %}
        when mod({{ bits }}, {{ 2 ** length }}) = {{ 2 ** length - 1 }} then {{ length }}
    {%- endfor %}
        else 0
    end
{%- endmacro %}

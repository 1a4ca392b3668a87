{#- The values of orders_back that are built: 0 to windows - 1. -#}
{% macro window_numbers() %}
    {%- do check_vars() -%}
    {{ return(range(var('windows')) | list) }}
{% endmacro %}

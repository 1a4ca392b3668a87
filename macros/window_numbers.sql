{% macro window_numbers() %}
    {%- do check_vars() -%}
    {{ return(range(var('windows')) | list) }}
{% endmacro %}

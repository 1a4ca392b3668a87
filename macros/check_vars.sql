{% macro check_vars() %}
    {%- if var('mode') not in ('benchmark', 'live') -%}
        {%- do exceptions.raise_compiler_error(
            "var mode is '" ~ var('mode') ~ "': give benchmark or live."
        ) -%}
    {%- endif -%}
    {%- if var('windows') is not integer or var('windows') < 1 -%}
        {%- do exceptions.raise_compiler_error(
            "var windows is '" ~ var('windows') ~ "': give a whole number of at least 1."
        ) -%}
    {%- endif -%}
    {%- if var('mode') == 'live' and var('windows') < 2 -%}
        {%- do exceptions.raise_compiler_error(
            "mode: live needs windows: 2 or more, because the order to come has no label to learn"
            ~ " from: add it to --vars, as in '{mode: live, windows: 2}'."
        ) -%}
    {%- endif -%}
{% endmacro %}

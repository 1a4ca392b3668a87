{% macro check_vars() %}
    {%- if var('raw_shape') not in ('instacart', 'order_lines') -%}
        {%- do exceptions.raise_compiler_error(
            "var raw_shape is '" ~ var('raw_shape') ~ "': give instacart or order_lines."
        ) -%}
    {%- endif -%}
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


{#- a hook alone: unit tests of the models set mode as they need it -#}
{% macro check_vars_of_order_lines() %}
    {%- if var('raw_shape') == 'order_lines' -%}
        {%- if var('mode') != 'live' -%}
            {%- do exceptions.raise_compiler_error(
                "raw_shape: order_lines needs mode: live, because no order of such files is marked as the one"
                ~ " to predict: add it to --vars, as in '{raw_shape: order_lines, mode: live, windows: 2}'."
            ) -%}
        {%- endif -%}
        {%- if var('ids') not in ('whole', 'text') -%}
            {%- do exceptions.raise_compiler_error("var ids is '" ~ var('ids') ~ "': give whole or text.") -%}
        {%- endif -%}
        {%- if var('most_rejected') is not number or not 0 <= var('most_rejected') <= 1 -%}
            {%- do exceptions.raise_compiler_error(
                "var most_rejected is '" ~ var('most_rejected') ~ "': give a part of a load's lines, from 0 to 1."
            ) -%}
        {%- endif -%}
        {%- if var('longest_silence_days') is not integer or var('longest_silence_days') < 0 -%}
            {%- do exceptions.raise_compiler_error(
                "var longest_silence_days is '" ~ var('longest_silence_days') ~ "': give a whole number of days,"
                ~ " or 0 for predictions for everybody."
            ) -%}
        {%- endif -%}
        {%- do check_mapped_columns('order_lines_columns', order_line_columns()) -%}
        {%- do check_mapped_columns('products_columns', product_columns()) -%}
    {%- endif -%}
{% endmacro %}


{% macro check_mapped_columns(var_name, columns) %}
    {%- set ours = columns.needed + columns.optional -%}
    {%- if columns.names is not mapping -%}
        {%- do exceptions.raise_compiler_error(
            "var " ~ var_name ~ " is '" ~ columns.names ~ "': give {ours: theirs}, as in {user_id: customer}."
        ) -%}
    {%- endif -%}
    {%- set unknown = columns.names.keys() | reject('in', ours) | list -%}
    {%- if unknown -%}
        {%- do exceptions.raise_compiler_error(
            "var " ~ var_name ~ " names " ~ unknown | join(', ') ~ ", which is no column of ours: these are "
            ~ ours | join(', ') ~ "."
        ) -%}
    {%- endif -%}
    {%- set theirs = raw_names(columns, ours) -%}
    {%- for name in theirs | unique -%}
        {%- if theirs.count(name) > 1 -%}
            {%- set mapped = [] -%}
            {%- for column in ours if columns.names.get(column, column) == name -%}
                {%- do mapped.append(column) -%}
            {%- endfor -%}
            {%- do exceptions.raise_compiler_error(
                "var " ~ var_name ~ " takes the files' column " ~ name ~ " for " ~ mapped | join(' and ')
                ~ ": give each its own."
            ) -%}
        {%- endif -%}
    {%- endfor -%}
{% endmacro %}

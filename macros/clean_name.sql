{#-
    A name without the shop's own escapes and without space around it: the raw files write a quote as
    \"" in a quoted field, which an RFC 4180 reader (and OpenCSVSerDe without its escape character)
    gives as \".

    Of the codes below, which all stand for white space, DuckDB's trim takes some and Trino's the
    others: tabs and ends of lines, separators, and spaces that do not break. As plain spaces they are
    the same to both.
-#}
{% macro clean_name(column) -%}
    {%- set codes = [9, 10, 11, 12, 13, 28, 29, 30, 31, 160, 8199, 8232, 8233, 8239] -%}
    trim(translate(
        replace({{ column }}, '\"', '"'),
        {% for code in codes %}chr({{ code }}){{ ' || ' if not loop.last }}{% endfor %},
        '{{ ' ' * codes | length }}'
    ))
{%- endmacro %}

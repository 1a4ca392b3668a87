{#-
    The raw files write a quote as \"" in a quoted field, which an RFC 4180 reader (and OpenCSVSerDe
    without its escape character) gives as \".

    The codes are all that stand for white space in Unicode: the engines' plain trim take some of
    them each, and not the same.
-#}
{% macro clean_name(column) -%}
    {%- set codes = (
        [9, 10, 11, 12, 13, 28, 29, 30, 31, 32, 133, 160, 5760]
        + range(8192, 8203) | list + [8232, 8233, 8239, 8287, 12288]
    ) -%}
    trim(
        both ({% for code in codes %}chr({{ code }}){{ ' || ' if not loop.last }}{% endfor %})
        from replace({{ column }}, '\"', '"')
    )
{%- endmacro %}

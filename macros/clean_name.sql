{#-
    A name without the shop's own escapes: the raw files write a quote as \"" in a quoted field, which
    an RFC 4180 reader (and OpenCSVSerDe without its escape character) gives as \".
-#}
{% macro clean_name(column) -%}
    trim(replace({{ column }}, '\"', '"'))
{%- endmacro %}

{#-
    An expression that stops the query with a sentence made of the given SQL strings: a data test
    that fails prints only a count, and which column of a raw file is damaged is what one has to know.
    Neither engine shares a function that raises, but both quote a string that is no number.
-#}
{% macro stop_with() -%}
    cast({{ varargs | join(' || ') }} as integer)
{%- endmacro %}

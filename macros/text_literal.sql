{#- A text as SQL writes it: in single quotes, a quote inside doubled. -#}
{% macro text_literal(text) %}
    {{ return(string_literal(escape_single_quotes(text))) }}
{% endmacro %}

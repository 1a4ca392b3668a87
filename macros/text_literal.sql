{% macro text_literal(text) %}
    {{ return(string_literal(escape_single_quotes(text))) }}
{% endmacro %}

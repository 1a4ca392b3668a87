{% macro text_literal(text) %}
    {{ return(string_literal(escape_single_quotes(text))) }}
{% endmacro %}


{#- never empty, because `in ()` is no SQL -#}
{% macro text_literals(texts) %}
    {%- set literals = ["''"] -%}
    {%- for text in texts -%}
        {%- do literals.append(text_literal(text)) -%}
    {%- endfor -%}
    {{ return(literals | join(', ')) }}
{% endmacro %}

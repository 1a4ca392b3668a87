{% macro text_literal(text) %}
    {{ return(string_literal(escape_single_quotes(text))) }}
{% endmacro %}


{#- [ is replaced first: the brackets that are put around the others stay -#}
{% macro path_literal(path, below='') %}
    {%- set as_written = path | replace('[', '[[]') | replace('*', '[*]') | replace('?', '[?]') -%}
    {{ return(text_literal(as_written ~ below)) }}
{% endmacro %}


{#- a list of files, as DuckDB's readers take it -#}
{% macro path_literals(paths) %}
    {%- set literals = [] -%}
    {%- for path in paths -%}
        {%- do literals.append(path_literal(path)) -%}
    {%- endfor -%}
    {{ return('[' ~ literals | join(', ') ~ ']') }}
{% endmacro %}


{#- never empty, because `in ()` is no SQL -#}
{% macro text_literals(texts) %}
    {%- set literals = ["''"] -%}
    {%- for text in texts -%}
        {%- do literals.append(text_literal(text)) -%}
    {%- endfor -%}
    {{ return(literals | join(', ')) }}
{% endmacro %}

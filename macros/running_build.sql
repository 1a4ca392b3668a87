{#-
    Two builds of one schema at once read each other's tables. With the same vars the rows are right
    all the same; with different ones they would be mixed, so the second build is refused. The first
    leaves a view `running_build` that says what it builds, for as long as it runs; after two hours
    it is taken for the leftover of a killed one. On the local target DuckDB locks its file.
-#}
{% macro begin_build() %}
    {{ return(adapter.dispatch('begin_build')()) }}
{% endmacro %}


{% macro duckdb__begin_build() %}
{% endmacro %}


{% macro athena__begin_build() %}
    {%- if execute and flags.WHICH in ('build', 'run') -%}
        {%- set marker = running_build() -%}
        {%- set vars = 'mode: ' ~ var('mode') ~ ', windows: ' ~ var('windows') -%}
        {%- set now = run_started_at.timestamp() | int -%}
        {%- if adapter.get_glue_table(marker) -%}
            {%- for other in run_query('select vars, began_at from ' ~ marker).rows -%}
                {%- if other[0] != vars and now - other[1] < 7200 -%}
                    {%- do exceptions.raise_compiler_error(
                        "Another build of schema " ~ target.schema ~ " is running, with " ~ other[0]
                        ~ " instead of " ~ vars ~ ": wait for its end or take another schema. If it"
                        ~ " was killed: drop view " ~ target.schema ~ "." ~ marker.identifier ~ "."
                    ) -%}
                {%- endif -%}
            {%- endfor -%}
        {%- endif -%}
        {%- do run_query(
            'create or replace view ' ~ marker ~ ' as select ' ~ text_literal(vars) ~ ' as vars, '
            ~ now ~ ' as began_at'
        ) -%}
    {%- endif -%}
{% endmacro %}


{% macro end_build() %}
    {{ return(adapter.dispatch('end_build')()) }}
{% endmacro %}


{% macro duckdb__end_build() %}
{% endmacro %}


{% macro athena__end_build() %}
    {%- if execute and flags.WHICH in ('build', 'run') -%}
        {%- do adapter.delete_from_glue_catalog(running_build()) -%}
    {%- endif -%}
{% endmacro %}


{% macro running_build() %}
    {{ return(api.Relation.create(
        database=target.database, schema=target.schema, identifier='running_build', type='view'
    )) }}
{% endmacro %}

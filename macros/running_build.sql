{#-
    Two builds of one schema at once read each other's tables. With the same vars, the same raw files
    and the same checkout the rows are right all the same; with other vars they would be mixed, so
    such a build is refused. (That files and checkout are the same is not looked at.) So is every second
    build of a shop with loads: Athena's insert_overwrite is no transaction, and two that stage a load at
    once leave its lines twice. Each build
    leaves a view, its marker, for as long as it runs, and its name says what it builds and since
    when: running_build_<mode>_<windows>_<seconds since 1970>_<id of the invocation>. One of two
    hours ago is the leftover of a killed build. On the local target DuckDB locks its file.
-#}
{% macro begin_build() %}
    {{ return(adapter.dispatch('begin_build')()) }}
{% endmacro %}


{% macro duckdb__begin_build() %}
    {%- if execute and flags.WHICH in ('build', 'run') -%}
        {%- do prepare_build_tables() -%}
        {%- do check_other_tables() -%}
        {%- do say_changed_raw_files() -%}
    {%- endif -%}
{% endmacro %}


{% macro athena__begin_build() %}
    {%- if execute and flags.WHICH in ('build', 'run') -%}
        {%- do check_other_tables() -%}
        {#- first the own marker, then a look at the others: of two that begin at once one at least sees
            the other -#}
        {%- do run_query(
            'create or replace view ' ~ marker_relation(own_marker()) ~ ' as select 1 as is_running'
        ) -%}
        {%- for marker in markers() -%}
            {%- set build = read_marker(marker) -%}
            {%- if run_started_at.timestamp() - build.began_at >= 7200 -%}
                {%- do adapter.delete_from_glue_catalog(marker_relation(marker)) -%}
            {%- elif marker != own_marker() and (
                build.mode != var('mode') or build.windows != var('windows') or var('raw_shape') == 'order_lines'
            ) -%}
                {%- do adapter.delete_from_glue_catalog(marker_relation(own_marker())) -%}
                {%- do exceptions.raise_compiler_error(
                    "Another build of schema " ~ target.schema ~ " is running, with mode: "
                    ~ build.mode ~ ", windows: " ~ build.windows
                    ~ (
                        ", and both would stage the same loads" if var('raw_shape') == 'order_lines' else
                        " instead of mode: " ~ var('mode') ~ ", windows: " ~ var('windows')
                    ) ~ ": wait for its end or take another schema. If"
                    ~ " it was killed: dbt run-operation remove_marker --target " ~ target.name
                    ~ " --args '{marker: " ~ marker ~ "}'"
                ) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
{% endmacro %}


{% macro end_build() %}
    {{ return(adapter.dispatch('end_build')()) }}
{% endmacro %}


{% macro duckdb__end_build() %}
{% endmacro %}


{% macro athena__end_build() %}
    {%- if execute and flags.WHICH in ('build', 'run') -%}
        {%- do adapter.delete_from_glue_catalog(marker_relation(own_marker())) -%}
    {%- endif -%}
{% endmacro %}


{% macro remove_marker(marker) %}
    {{ return(adapter.dispatch('remove_marker')(marker)) }}
{% endmacro %}


{% macro duckdb__remove_marker(marker) %}
    {%- do exceptions.raise_compiler_error(
        "Builds of target " ~ target.name ~ " leave no markers: name another one by --target."
    ) -%}
{% endmacro %}


{% macro athena__remove_marker(marker) %}
    {%- if execute -%}
        {%- if marker not in markers() -%}
            {%- do exceptions.raise_compiler_error(
                "There is no marker " ~ marker ~ " in schema " ~ target.schema ~ ": there is "
                ~ (markers() | join(', ') or 'none') ~ "."
            ) -%}
        {%- endif -%}
        {%- do adapter.delete_from_glue_catalog(marker_relation(marker)) -%}
        {%- do log('Removed ' ~ target.schema ~ '.' ~ marker ~ '.', info=true) -%}
    {%- endif -%}
{% endmacro %}


{% macro markers() %}
    {%- set schema = api.Relation.create(database=target.database, schema=target.schema) -%}
    {%- set found = [] -%}
    {%- for relation in adapter.list_relations_without_caching(schema) -%}
        {%- if read_marker(relation.identifier) -%}
            {%- do found.append(relation.identifier) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(found | sort) }}
{% endmacro %}


{% macro read_marker(name) %}
    {%- set read = modules.re.fullmatch('running_build_([a-z]+)_([0-9]+)_([0-9]+)_[0-9a-f]{32}', name) -%}
    {%- if not read -%}
        {{ return(none) }}
    {%- endif -%}
    {{ return({'mode': read[1], 'windows': read[2] | int, 'began_at': read[3] | int}) }}
{% endmacro %}


{% macro own_marker() %}
    {{ return(
        'running_build_' ~ var('mode') ~ '_' ~ var('windows') ~ '_'
        ~ run_started_at.timestamp() | int ~ '_' ~ invocation_id | replace('-', '')
    ) }}
{% endmacro %}


{% macro marker_relation(marker) %}
    {{ return(api.Relation.create(
        database=target.database, schema=target.schema, identifier=marker, type='view'
    )) }}
{% endmacro %}

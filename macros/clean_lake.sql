{#-
    A model that left the project leaves its view and its folders `<schema>.<table>.a` and `.b` in the
    lake. SQL deletes no folder, but a partitioned write of nothing takes the files out of one.
-#}
{% macro clean_lake() %}
    {{ return(adapter.dispatch('clean_lake')()) }}
{% endmacro %}


{% macro duckdb__clean_lake() %}
    {%- if execute -%}
        {%- set folders = folders_of_removed_models() -%}
        {%- for folder, table in folders.items() -%}
            {%- set path = lake_dir() ~ '/' ~ folder -%}
            {%- do adapter.drop_relation(table) -%}
            {%- do run_query(
                'copy (select 1 as removed, 1 as part where false) to ' ~ text_literal(path)
                ~ ' (format parquet, overwrite true, partition_by (part))'
            ) -%}
            {%- do log('Emptied ' ~ path ~ '.', info=true) -%}
        {%- endfor -%}
        {%- do log('No folder of a removed model holds files.', info=true) if not folders -%}
    {%- endif -%}
{% endmacro %}


{% macro athena__clean_lake() %}
    {%- do exceptions.raise_compiler_error(
        "On target " ~ target.name ~ " a removed model is a table like any other: drop it in Athena."
    ) -%}
{% endmacro %}


{#- Only what this materialization writes: a folder with anything but Parquet files is left alone. -#}
{% macro folders_of_removed_models() %}
    {%- set built = {} -%}
    {%- for node in built_nodes() -%}
        {%- do built.setdefault(node.schema, []).append(node.alias) -%}
    {%- endfor -%}
    {%- set files = run_query(
        'select file from glob(' ~ path_literal(lake_dir(), '/*.*.*/**') ~ ') order by file'
    ).columns[0].values() -%}
    {%- set folders = {} -%}
    {%- set others = [] -%}
    {%- for file in files -%}
        {%- set folder = file[lake_dir() | length + 1:].split('/')[0] -%}
        {%- set schema, _, rest = folder.partition('.') -%}
        {%- set table, _, generation = rest.rpartition('.') -%}
        {%- if not file.endswith('.parquet') -%}
            {%- do others.append(folder) -%}
        {%- elif schema in built and table not in built[schema] and generation in ('a', 'b') -%}
            {%- do folders.update({folder: api.Relation.create(
                database=target.database, schema=schema, identifier=table, type='view'
            )}) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for folder in others -%}
        {%- do folders.pop(folder, none) -%}
    {%- endfor -%}
    {{ return(folders) }}
{% endmacro %}

{#-
    A model that left the project leaves its view and its folders `<schema>.<table>.a`, `.b` and `.loads`
    in the lake, and a load that was read again its former files. SQL deletes no folder, but a
    partitioned write of nothing takes the files out of one.
-#}
{% macro clean_lake() %}
    {{ return(adapter.dispatch('clean_lake')()) }}
{% endmacro %}


{% macro duckdb__clean_lake() %}
    {%- if execute -%}
        {#- with the vars of another shape, models that are there would count as removed -#}
        {%- do check_raw_shape() -%}
        {%- set folders = folders_of_removed_models() -%}
        {%- for folder, table in folders.items() -%}
            {%- do adapter.drop_relation(table) -%}
            {%- do empty_folder(lake_dir() ~ '/' ~ folder) -%}
        {%- endfor -%}
        {%- set replaced = folders_of_replaced_loads() -%}
        {%- for folder in replaced -%}
            {%- do empty_folder(folder) -%}
        {%- endfor -%}
        {%- do log('No folder of a removed model holds files.', info=true) if not folders and not replaced -%}
    {%- endif -%}
{% endmacro %}


{% macro empty_folder(path) %}
    {%- do run_query(
        'copy (select 1 as removed, 1 as part where false) to ' ~ text_literal(path)
        ~ ' (format parquet, overwrite true, partition_by (part))'
    ) -%}
    {%- do log('Emptied ' ~ path ~ '.', info=true) -%}
{% endmacro %}


{#- Of tables that grow by loads: folders of a load from which the view reads no file. -#}
{% macro folders_of_replaced_loads() %}
    {%- set replaced = [] -%}
    {%- for node in built_nodes() if node.config.materialized == 'by_load' -%}
        {%- set relation = api.Relation.create(
            database=target.database, schema=node.schema, identifier=node.alias, type='view'
        ) -%}
        {%- set live = [] -%}
        {%- for file in files_of_view(relation) -%}
            {%- do live.append(file.rpartition('/')[0]) -%}
        {%- endfor -%}
        {%- for file in parquet_files(loads_folder(relation), '/*/*/*.parquet') -%}
            {%- set folder = file.rpartition('/')[0] -%}
            {%- do replaced.append(folder) if folder not in live and folder not in replaced -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(replaced) }}
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
        {%- elif schema in built and table not in built[schema] and generation in ('a', 'b', 'loads') -%}
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

{% macro create_prediction_tables() %}
    {{ return(adapter.dispatch('create_prediction_tables')()) }}
{% endmacro %}


{% macro duckdb__create_prediction_tables() %}
    {%- if command_reads_rows() -%}
        {%- set folder = lake_dir() ~ '/predictions' -%}
        {%- do run_query('create schema if not exists predictions') -%}
        {%- for table in prediction_tables() -%}
            {%- set pattern = {'latest': '/latest/*.parquet', 'history': '/run=*/*.parquet'}[table.name] -%}
            {%- set files = parquet_files(folder, pattern) -%}
            {#- of the history the newest file is enough to know its columns: all would be read whole -#}
            {%- set looked_at = files if table.name == 'latest' else files[-1:] -%}
            {%- set sound = [] -%}
            {%- for file in looked_at if is_prediction_file(file, table) -%}
                {%- do sound.append(file) -%}
            {%- endfor -%}
            {#- by the pattern, so that files to come are read as well -#}
            {%- set read_files = path_literal(folder, pattern) if sound == looked_at else path_literals(sound) -%}
            {%- set view -%}
                create or replace view predictions.{{ table.name }} as
                select
                {%- for column in table.columns.values() %}
                    cast({{ column.name if sound else 'null' }} as {{ column.data_type }}) as {{ column.name }}{{ ',' if not loop.last }}
                {%- endfor %}
                {%- if sound %}
                from read_parquet({{ read_files }}, hive_partitioning = false, union_by_name = true)
                {%- else %}
                where false
                {%- endif %}
            {%- endset -%}
            {%- do run_query(view) -%}
        {%- endfor -%}
    {%- endif -%}
{% endmacro %}


{#-
    A file that is no whole Parquet file, or has other columns, counts as none. The engine has no way to
    try: a whole one begins and ends with the same four letters.
-#}
{% macro is_prediction_file(file, table) %}
    {%- set is_whole = run_query(
        "select size > 12 and content[:4] = 'PAR1'::blob and content[-4:] = 'PAR1'::blob from read_blob("
        ~ path_literal(file) ~ ")"
    ).columns[0].values()[0] -%}
    {%- set found = [] -%}
    {%- if is_whole -%}
        {%- for row in run_query(
            "select column_name, column_type from (describe select * from read_parquet("
            ~ path_literal(file) ~ "))"
        ).rows -%}
            {%- do found.append(row[0] ~ ' ' ~ row[1] | lower) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- set expected = [] -%}
    {%- for column in table.columns.values() -%}
        {%- do expected.append(column.name ~ ' ' ~ column.data_type) -%}
    {%- endfor -%}
    {%- if expected | reject('in', found) | list and flags.WHICH in ('build', 'run') -%}
        {%- do log(
            file ~ " is damaged, or of another version: it counts as none until predictions are made"
            ~ " again.", info=true
        ) -%}
    {%- endif -%}
    {{ return(not expected | reject('in', found) | list) }}
{% endmacro %}


{#- post-hook of stg_recommendations, which is all of them or none -#}
{% macro say_useless_recommendations() %}
    {%- if execute and not flags.EMPTY -%}
        {%- set given = run_query(
            "select count(*) from " ~ source('predictions', 'latest') ~ " where task = 'discovery'"
        ) -%}
        {%- set used = run_query("select count(*) from " ~ this) -%}
        {%- if given.columns[0].values()[0] != used.columns[0].values()[0] -%}
            {%- do log(
                "The " ~ given.columns[0].values()[0] ~ " recommendations of the last prediction are for"
                ~ " shoppers or products that the raw files do not hold, or are incomplete: they count as"
                ~ " none until `python -m ml predict --task discovery` makes new ones.", info=true
            ) -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}


{#-
    Made without a row. The nightly run adds partitions to the history, and moves the latest to the
    place of one of them (glue/cloud/prediction_tables.py).
-#}
{% macro athena__create_prediction_tables() %}
    {%- if command_reads_rows() -%}
        {%- set folder = target.s3_data_dir.rstrip('/') ~ '/predictions/' -%}
        {%- for table in prediction_tables() -%}
            {#- who may not make a database may use one that is there -#}
            {%- if not adapter.check_schema_exists(target.database, table.schema) -%}
                {%- do adapter.create_schema(
                    api.Relation.create(database=target.database, schema=table.schema)
                ) -%}
            {%- endif -%}
            {%- if not adapter.get_relation(target.database, table.schema, table.name) -%}
                {%- set is_history = table.name == 'history' -%}
                {%- set columns = [] -%}
                {%- for column in table.columns.values() if not (is_history and column.name == 'run') -%}
                    {%- do columns.append(column.name ~ ' ' ~ ddl_data_type(column.data_type)) -%}
                {%- endfor -%}
                {%- do run_query(
                    'create external table if not exists ' ~ table.schema ~ '.' ~ table.name
                    ~ ' (' ~ columns | join(', ') ~ ')'
                    ~ (' partitioned by (run string)' if is_history else '')
                    ~ ' stored as parquet location '
                    ~ text_literal(folder if is_history else folder ~ 'none/')
                ) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
{% endmacro %}


{% macro prediction_tables() %}
    {{ return(graph.sources.values() | selectattr('source_name', 'equalto', 'predictions') | list) }}
{% endmacro %}

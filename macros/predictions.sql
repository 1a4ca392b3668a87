{% macro create_prediction_tables() %}
    {{ return(adapter.dispatch('create_prediction_tables')()) }}
{% endmacro %}


{% macro duckdb__create_prediction_tables() %}
    {%- if command_reads_rows() -%}
        {%- do run_query('create schema if not exists predictions') -%}
        {%- for table in prediction_tables() -%}
            {%- set file = path_literal(lake_dir() ~ '/predictions/' ~ table.name ~ '.parquet') -%}
            {%- set is_there = run_query("select file from glob(" ~ file ~ ")") | length > 0 -%}
            {%- set view -%}
                create or replace view predictions.{{ table.name }} as
                select
                {%- for column in table.columns.values() %}
                    cast({{ column.name if is_there else 'null' }} as {{ column.data_type }}) as {{ column.name }}{{ ',' if not loop.last }}
                {%- endfor %}
                {{ 'from read_parquet(' ~ file ~ ', hive_partitioning = false)' if is_there else 'where false' }}
            {%- endset -%}
            {%- do run_query(view) -%}
        {%- endfor -%}
    {%- endif -%}
{% endmacro %}


{#- the nightly run publishes to this folder (glue/cloud/steps.py) -#}
{% macro athena__create_prediction_tables() %}
    {%- if command_reads_rows() -%}
        {%- for table in prediction_tables() -%}
            {#- who may not make a database may use one that is there -#}
            {%- if not adapter.check_schema_exists(target.database, table.schema) -%}
                {%- do adapter.create_schema(
                    api.Relation.create(database=target.database, schema=table.schema)
                ) -%}
            {%- endif -%}
            {%- set columns = [] -%}
            {%- for column in table.columns.values() -%}
                {%- do columns.append(column.name ~ ' ' ~ ddl_data_type(column.data_type)) -%}
            {%- endfor -%}
            {%- do run_query(
                'create external table if not exists ' ~ table.schema ~ '.' ~ table.name
                ~ ' (' ~ columns | join(', ') ~ ') stored as parquet location '
                ~ text_literal(target.s3_data_dir.rstrip('/') ~ '/predictions/' ~ table.name ~ '/')
            ) -%}
        {%- endfor -%}
    {%- endif -%}
{% endmacro %}


{% macro prediction_tables() %}
    {{ return(graph.sources.values() | selectattr('source_name', 'equalto', 'predictions') | list) }}
{% endmacro %}

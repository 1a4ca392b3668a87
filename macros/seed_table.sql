{#-
    Athena: a seed is written by one statement and then swapped in, like a model with `ha`. The
    adapter's own way drops the table first and goes through an uploaded CSV and a helper table; of
    two builds at once one can empty what the other is about to read, and nobody would hear of it.
    On the local target dbt's own way is one transaction; only the file's path is written otherwise.
-#}
{% macro duckdb__load_csv_rows(model, agate_table) %}
    {#- the adapter takes brackets and quotes in the project's folder for a pattern and for SQL -#}
    {%- set sql -%}
        copy {{ this }} from {{ path_literal(adapter.get_seed_file_path(model)) }} (format csv, header)
    {%- endset -%}
    {%- do adapter.add_query(sql, abridge_sql_log=true) -%}
    {{ return(sql) }}
{% endmacro %}


{% macro athena__create_csv_table(model, agate_table) %}
    {{ return(write_seed(this.incorporate(type='table'), agate_table)) }}
{% endmacro %}


{% macro athena__reset_csv_table(model, full_refresh, old_relation, agate_table) %}
    {%- set seed = old_relation.incorporate(type='table') -%}
    {#- the adapter's name for what is swapped in; a killed build may have left one -#}
    {%- set new_rows = api.Relation.create(
        database=seed.database,
        schema=seed.schema,
        identifier=seed.identifier ~ '__ha',
        s3_path_table_part=seed.identifier,
        type='table'
    ) -%}
    {%- do adapter.delete_from_glue_catalog(new_rows) -%}
    {%- set sql = write_seed(new_rows, agate_table) -%}
    {%- do adapter.swap_table(new_rows, seed) -%}
    {%- do adapter.delete_from_glue_catalog(new_rows) -%}
    {#- as many old versions as the adapter keeps of a model -#}
    {%- do adapter.expire_glue_table_versions(seed, 4, true) -%}
    {{ return(sql) }}
{% endmacro %}


{#- Every column of a seed has its type in the seed's yml, so the rows come as texts. -#}
{% macro write_seed(relation, agate_table) %}
    {%- set types = config.get('column_types') -%}
    {%- set sql -%}
        select
        {%- for name in agate_table.column_names %}
            cast({{ name }} as {{ types[name] }}) as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
        from (
            values
            {%- for row in agate_table.rows %}
            ({% for value in row %}{{ 'null' if value is none else text_literal(value) }}{{ ', ' if not loop.last }}{% endfor %}){{ ',' if not loop.last }}
            {%- endfor %}
        ) as seed ({{ agate_table.column_names | join(', ') }})
    {%- endset -%}
    {%- do safe_create_table_as(false, relation, sql) -%}
    {{ return(sql) }}
{% endmacro %}

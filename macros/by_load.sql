{#- Athena has dbt's own; what the local target needs is below. -#}
{% macro by_load() %}
    {{ return(adapter.dispatch('by_load')()) }}
{% endmacro %}


{% macro athena__by_load() %}
    {{ return('incremental') }}
{% endmacro %}


{% macro duckdb__by_load() %}
    {{ return('by_load') }}
{% endmacro %}


{#-
    A table that grows by loads, as `incremental` with insert_overwrite is on Athena: what the query
    gives for a value of the partition column replaces what was there. The new files go to a folder of
    their own, and a view over the newest files of each load is swapped: all of them, or none.
    DuckDB deletes no file; `dbt run-operation clean_lake` empties what the view reads no more.
-#}
{% materialization by_load, adapter = 'duckdb' %}

    {%- set existing_relation = load_cached_relation(this) -%}
    {%- set target_relation = this.incorporate(type='view') -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {%- call statement('contract') -%}
        {{ get_assert_columns_equivalent(compiled_code) }}
        select 1
    {%- endcall -%}
    {%- set query = get_select_subquery(compiled_code) -%}
    {%- set columns = columns_of(query) -%}
    {%- do check_partitions_are_last(columns) -%}
    {%- set base = loads_folder(target_relation) -%}
    {#- DuckDB makes one folder level at a time -#}
    {%- call statement('base') -%}
        copy (select 1 as part, 1 as nothing where false) to {{ text_literal(base) }} (
            format parquet, partition_by (part), overwrite_or_ignore true
        )
    {%- endcall -%}
    {%- set folder = base ~ '/' ~ run_started_at.strftime('%Y%m%dT%H%M%S%f') -%}
    {%- call statement('main') -%}
        copy (
            {{ query }}
        ) to {{ text_literal(folder) }} (
            format parquet, partition_by ({{ config.get('partitioned_by') | join(', ') }})
        )
    {%- endcall -%}
    {%- set files = {} -%}
    {%- if existing_relation is not none and not flags.FULL_REFRESH and not flags.EMPTY -%}
        {%- do files.update(files_by_load(files_of_view(target_relation))) -%}
    {%- endif -%}
    {%- do files.update(files_by_load(parquet_files(folder, '/*/*.parquet'))) -%}
    {%- do publish_loads(target_relation, existing_relation, columns, files) -%}

    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {%- do adapter.commit() -%}
    {{ run_hooks(post_hooks, inside_transaction=False) }}

    {{ return({'relations': [target_relation]}) }}

{% endmaterialization %}


{% macro loads_folder(relation) %}
    {{ return(lake_dir() ~ '/' ~ relation.schema ~ '.' ~ relation.identifier ~ '.loads') }}
{% endmacro %}


{% macro publish_loads(relation, existing_relation, columns, files) %}
    {%- set paths = [] -%}
    {%- for load in files | sort -%}
        {%- for file in files[load] -%}
            {%- do paths.append(file) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- if existing_relation is not none and existing_relation.type != 'view' -%}
        {%- do adapter.drop_relation(existing_relation) -%}
    {%- endif -%}
    {%- call statement('publish') -%}
        create or replace view {{ relation }} as
        select
        {%- for column in columns %}
            cast({{ adapter.quote(column.name) if paths else 'null' }} as {{ column.dtype }}) as {{ adapter.quote(column.name) }}{{ ',' if not loop.last }}
        {%- endfor %}
        {%- if paths %}
        from read_parquet({{ path_literals(paths) }}, hive_partitioning = true, hive_types_autocast = false)
        {%- else %}
        where false
        {%- endif %}
    {%- endcall -%}
    {%- do persist_docs(relation, model) -%}
{% endmacro %}


{#- A load's folder, as in load_date=2017-03-05, and its files. -#}
{% macro files_by_load(files) %}
    {%- set found = {} -%}
    {%- for file in files -%}
        {%- do found.setdefault(file.split('/')[-2], []).append(file) -%}
    {%- endfor -%}
    {{ return(found) }}
{% endmacro %}


{#- What a published view reads: of the files that are there those that it names. -#}
{% macro files_of_view(relation) %}
    {%- set live_view = run_query(
        "select sql from duckdb_views() where database_name = " ~ text_literal(relation.database)
        ~ " and schema_name = " ~ text_literal(relation.schema)
        ~ " and view_name = " ~ text_literal(relation.identifier)
    ).columns[0].values() -%}
    {%- set found = [] -%}
    {%- for file in parquet_files(loads_folder(relation), '/*/*/*.parquet') if live_view and path_literal(file) in live_view[0] -%}
        {%- do found.append(file) -%}
    {%- endfor -%}
    {{ return(found) }}
{% endmacro %}


{% macro parquet_files(folder, below) %}
    {{ return(
        run_query("select file from glob(" ~ path_literal(folder, below) ~ ") order by file").columns[0].values() | list
    ) }}
{% endmacro %}

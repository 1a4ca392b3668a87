{#-
    A load is a folder load_date=<day> with whole orders, read once in its life. What a load is known
    by are its files' names, sizes and times of writing: to hash their bytes would read them again.
-#}

{% macro prepare_loads() %}
    {{ return(adapter.dispatch('prepare_loads')()) }}
{% endmacro %}


{% macro duckdb__prepare_loads() %}
    {%- set loads = loads_to_read() -%}
    {%- do run_query('create schema if not exists raw') -%}
    {%- set columns = graph.sources.values() | selectattr('source_name', 'equalto', 'loads')
        | selectattr('name', 'equalto', 'order_lines') | first -%}
    {%- set selects = [] -%}
    {%- for load in loads -%}
        {%- for file in load.files -%}
            {%- set header = raw_header_columns(raw_first_line(file)) -%}
            {%- do selects.append(lines_of_file(file, header, load)) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- do run_query('create or replace view raw.order_lines as ' ~ (selects | join(' union all ') or no_lines())) -%}
    {%- set newest = raw_dir() ~ '/products/products.csv' -%}
    {%- do run_query('create or replace view raw.order_lines_products as select * from '
        ~ read_raw_csv(newest, raw_header_columns(raw_first_line(newest)))) -%}
{% endmacro %}


{% macro no_lines() %}
    select
        cast(null as varchar) as order_id, cast(null as varchar) as user_id,
        cast(null as varchar) as product_id, cast(null as varchar) as ordered_at,
        cast(null as varchar) as quantity, cast(null as varchar) as cart_position,
        cast(null as varchar) as line_text, cast(null as varchar) as file_name,
        cast(null as varchar) as load_identity, cast(null as varchar) as load_date
    where false
{% endmacro %}


{% macro lines_of_file(file, header, load) %}
    {%- set sql -%}
        select
        {%- for name in ('order_id', 'user_id', 'product_id', 'ordered_at') %}
            {{ name }},
        {%- endfor %}
        {%- for name in ('quantity', 'cart_position') %}
            {{ name if name in header else "''" }} as {{ name }},
        {%- endfor %}
            concat_ws(',', {{ header | join(', ') }}) as line_text,
            {{ text_literal(file) }} as file_name,
            {{ text_literal(load.identity) }} as load_identity,
            {{ text_literal(load.date) }} as load_date
        from {{ read_raw_csv(file, header) }}
    {%- endset -%}
    {{ return(sql) }}
{% endmacro %}


{#- Loads of RAW_DIR that are not staged, or staged from other files. -#}
{% macro loads_to_read() %}
    {%- set there = run_query(
        "select load_date, string_agg(filename, chr(10) order by filename),"
        ~ " md5(string_agg(known_by, chr(10) order by known_by)) from ("
        ~ "select filename, regexp_extract(filename, '/load_date=([^/]*)/', 1) as load_date,"
        ~ " parse_filename(filename) || ' ' || size || ' ' || epoch_us(last_modified) as known_by"
        ~ " from read_blob(" ~ text_literal(raw_dir() ~ '/order_lines/load_date=*/*') ~ ")"
        ~ ") group by load_date order by load_date"
    ).rows -%}
    {%- set staged = staged_loads() -%}
    {%- set loads = [] -%}
    {%- for row in there -%}
        {%- if staged.get(row[0]) != row[2] -%}
            {%- do loads.append({'date': row[0], 'files': row[1].split('\n'), 'identity': row[2]}) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(loads) }}
{% endmacro %}


{% macro staged_loads() %}
    {%- set found = {} -%}
    {%- set lines = lines_relation() -%}
    {%- if not flags.FULL_REFRESH and run_query(
        "select 1 from duckdb_views() where view_name = '" ~ lines.identifier ~ "' and schema_name = '" ~ lines.schema ~ "'"
    ) | length > 0 -%}
        {%- for row in run_query('select load_date, min(load_identity) from ' ~ lines ~ ' group by load_date').rows -%}
            {%- do found.update({row[0]: row[1]}) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(found) }}
{% endmacro %}


{% macro lines_relation() %}
    {%- set node = graph.nodes.values() | selectattr('name', 'equalto', 'stg_order_lines') | first -%}
    {{ return(api.Relation.create(database=node.database, schema=node.schema, identifier=node.alias)) }}
{% endmacro %}


{#- Athena has dbt's own; the local target's writes Parquet files of the lake (below). -#}
{% macro by_load() %}
    {{ return(adapter.dispatch('by_load')()) }}
{% endmacro %}

{% macro athena__by_load() %}{{ return('incremental') }}{% endmacro %}
{% macro duckdb__by_load() %}{{ return('by_load') }}{% endmacro %}


{#-
    Writes the loads of this run as a generation of their own and publishes a view over the newest
    generation of each load: all of them or, if anything fails, none.
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
    {%- set columns = adapter.get_column_schema_from_query(compiled_code) -%}
    {%- do check_partitions_are_last(columns) -%}
    {%- set folder = lake_base(target_relation) ~ '.' ~ run_started_at.strftime('%Y%m%dT%H%M%S%f') -%}
    {%- call statement('main') -%}
        copy (
            {{ compiled_code }}
        ) to {{ text_literal(folder) }} (format parquet, overwrite true, partition_by (load_date))
    {%- endcall -%}

    {%- set loads = {} -%}
    {%- if existing_relation is not none and not should_full_refresh() -%}
        {%- do loads.update(published_loads(target_relation)) -%}
    {%- endif -%}
    {%- for row in run_query(
        "select distinct regexp_extract(file, '/load_date=([^/]*)/', 1) from glob("
        ~ text_literal(folder ~ '/*/*.parquet') ~ ") order by 1"
    ).rows -%}
        {%- do loads.update({row[0]: folder ~ '/load_date=' ~ row[0]}) -%}
    {%- endfor -%}
    {%- set files = [] -%}
    {%- for load in loads | sort -%}
        {%- do files.append(text_literal(loads[load] ~ '/*.parquet')) -%}
    {%- endfor -%}
    {%- call statement('publish') -%}
        create or replace view {{ target_relation }} as
        select
        {%- for column in columns %}
            cast({{ column.name if files else 'null' }} as {{ column.dtype }}) as {{ column.name }}{{ ',' if not loop.last }}
        {%- endfor %}
        {% if files -%}
        from read_parquet([{{ files | join(', ') }}], hive_partitioning = true, hive_types_autocast = false)
        {%- else -%}
        where false
        {%- endif %}
    {%- endcall -%}
    {%- do persist_docs(target_relation, model) -%}

    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {%- do adapter.commit() -%}
    {{ run_hooks(post_hooks, inside_transaction=False) }}

    {{ return({'relations': [target_relation]}) }}

{% endmaterialization %}


{#- Folder of each published load: the view says so. -#}
{% macro published_loads(relation) %}
    {%- set loads = {} -%}
    {%- set pattern = "'([^']*/load_date=[^']*)/[*][.]parquet'" -%}
    {%- for row in run_query(
        "select unnest(regexp_extract_all(sql, " ~ text_literal(pattern) ~ ", 1)) from duckdb_views()"
        ~ " where schema_name = " ~ text_literal(relation.schema)
        ~ " and view_name = " ~ text_literal(relation.identifier)
    ).rows -%}
        {%- do loads.update({row[0].rpartition('=')[2]: row[0]}) -%}
    {%- endfor -%}
    {{ return(loads) }}
{% endmacro %}

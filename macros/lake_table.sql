{#-
    `materialized: table` on DuckDB: the result goes straight to Parquet files in the lake folder
    and is published by swapping a view, so a model is replaced whole or not at all, as tables with
    `ha` are on Athena. The adapter's own `table` would keep the data inside the DuckDB file, its
    `external` writes every result twice and overwrites live files in place.

    Two generations of a table take turns in `<lake>/<schema>.<table>.a` and `.b`; the view reads
    the newer one. The lake is the folder of the DuckDB file.

    Config: partitioned_by (list of columns, the last ones of the model; same meaning on Athena).
    The rest is in `meta`, because only this target reads it, a distributed engine has no use for it:
    sorted_by (list of columns; the rows of a file are sorted by them, which makes range reads and
    compression cheap); partition_values (list; all values of the one partition column, where they are
    known before the query runs: partitions are then written one after the other, which bounds memory
    by the largest and is faster than DuckDB's partitioned write); and with these sliced (true: each
    partition is written in slices of shoppers, so that what a slice needs fits into memory).
-#}
{% materialization table, adapter = 'duckdb' %}

    {%- set existing_relation = load_cached_relation(this) -%}
    {%- set target_relation = this.incorporate(type='view') -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {%- if config.get('contract').enforced -%}
        {%- call statement('contract') -%}
            {{ get_assert_columns_equivalent(compiled_code) }}
            select 1
        {%- endcall -%}
        {%- set query = get_select_subquery(compiled_code) -%}
    {%- else -%}
        {#- its last line may be a comment, and more is written behind it -#}
        {%- set query = with_stored_types(compiled_code ~ '\n') -%}
    {%- endif -%}
    {%- set columns = columns_of(query) -%}
    {%- do check_partitions_are_last(columns) -%}

    {%- set folder = next_lake_folder(target_relation) -%}
    {%- if config.get('meta', {}).get('partition_values') -%}
        {%- do write_partitions(query, columns, folder) -%}
    {%- else -%}
        {%- do write_whole(query, folder) -%}
    {%- endif -%}
    {%- do publish(target_relation, existing_relation, columns, folder) -%}

    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {%- do adapter.commit() -%}
    {{ run_hooks(post_hooks, inside_transaction=False) }}

    {{ return({'relations': [target_relation]}) }}

{% endmaterialization %}


{#- the adapter's own way takes the fields of a struct for columns -#}
{% macro columns_of(query) %}
    {%- set columns = [] -%}
    {%- for row in run_query('describe (' ~ query ~ ')').rows -%}
        {%- do columns.append(api.Column(row['column_name'] | string, row['column_type'])) -%}
    {%- endfor -%}
    {{ return(columns) }}
{% endmacro %}


{#-
    DuckDB adds up whole numbers to a hugeint, which Parquet would hold as a double, and a column of
    nulls alone has no type. On Athena such a sum is a bigint, and one that is too large stops the query.
-#}
{% macro with_stored_types(query) %}
    {%- set stored = {'HUGEINT': 'bigint', '"NULL"': 'integer'} -%}
    {%- set casts = [] -%}
    {%- for column in columns_of(query) if column.dtype in stored -%}
        {%- set name = adapter.quote(column.name) -%}
        {%- do casts.append('cast(' ~ name ~ ' as ' ~ stored[column.dtype] ~ ') as ' ~ name) -%}
    {%- endfor -%}
    {{ return('select * replace (' ~ casts | join(', ') ~ ') from (' ~ query ~ ')' if casts else query) }}
{% endmacro %}


{% macro check_partitions_are_last(columns) %}
    {%- set partitioned_by = config.get('partitioned_by', []) -%}
    {%- set last_columns = (columns | map(attribute='name') | list)[-(partitioned_by | length):] -%}
    {%- if partitioned_by and last_columns != partitioned_by -%}
        {%- do exceptions.raise_compiler_error(
            "partitioned_by " ~ partitioned_by | join(', ') ~ ": these must be the last columns of "
            ~ this.identifier ~ ", in this order, as on Athena."
        ) -%}
    {%- endif -%}
{% endmacro %}


{% macro write_partitions(query, columns, folder) %}
    {%- set partition = config.get('partitioned_by')[0] -%}
    {%- set stored_columns = columns | map(attribute='name') | reject('equalto', partition) | join('", "') -%}
    {%- do check_partition_values(query, partition) -%}
    {#- DuckDB makes one folder level at a time; a partitioned write of nothing makes this one -#}
    {%- call statement('empty_folder') -%}
        copy (select * from ({{ query }}) where false) to {{ text_literal(folder) }} (
            format parquet, overwrite true, partition_by ({{ partition }})
        )
    {%- endcall -%}
    {%- set slices = user_slices() if config.get('meta').get('sliced') else ['true'] -%}
    {%- for value in config.get('meta').partition_values -%}
        {%- for slice in slices -%}
            {%- call statement('main') -%}
                copy (
                    select "{{ stored_columns }}"
                    from (
                        {{ query }}
                    )
                    where
                        {{ partition }} = {{ partition_literal(value) }}
                        and {{ slice }}
                    {{ order_of_rows() }}
                ) to {{ text_literal(folder ~ '/' ~ partition ~ '=' ~ value) }} (
                    format parquet,
                    overwrite_or_ignore true,
                    per_thread_output true,
                    filename_pattern {{ text_literal('slice_' ~ loop.index0 ~ '_{i}') }}
                )
            {%- endcall -%}
        {%- endfor -%}
    {%- endfor -%}
{% endmacro %}


{#-
    What belongs to no partition would be left out in silence. Rows between two values, before the first
    and after the last are asked for by comparisons, which the engine carries down to what is read: it
    opens no file of another window, and this takes a moment where the model takes minutes.
-#}
{% macro check_partition_values(query, partition) %}
    {%- set values = config.get('meta').partition_values | sort -%}
    {%- set conditions = [
        partition ~ ' is null',
        partition ~ ' < ' ~ partition_literal(values | first),
        partition ~ ' > ' ~ partition_literal(values | last),
    ] -%}
    {%- for value in values[1:] -%}
        {%- set before = values[loop.index0] -%}
        {#- no whole number lies between two neighbours -#}
        {%- if value is not integer or value != before + 1 -%}
            {%- do conditions.append(
                partition ~ ' > ' ~ partition_literal(before)
                ~ ' and ' ~ partition ~ ' < ' ~ partition_literal(value)
            ) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set queries = [] -%}
    {%- for condition in conditions -%}
        {%- do queries.append('select ' ~ partition ~ ' from (' ~ query ~ ') where ' ~ condition) -%}
    {%- endfor -%}
    {%- set left_out = run_query(
        'select ' ~ partition ~ ', count(*) as lines from (' ~ queries | join(' union all ')
        ~ ') group by all order by lines desc, ' ~ partition
    ).rows -%}
    {%- if left_out -%}
        {%- set found = [] -%}
        {%- for row in left_out[:5] -%}
            {%- do found.append(
                ('null' if row[0] is none else "''" if row[0] == '' else row[0]) ~ ' in ' ~ row[1]
                ~ (' row' if row[1] == 1 else ' rows')
            ) -%}
        {%- endfor -%}
        {%- do exceptions.raise_compiler_error(
            "Model " ~ this.identifier ~ ": " ~ partition ~ " is none of "
            ~ values | join(', ') ~ " (meta.partition_values) in " ~ left_out | sum(attribute=1)
            ~ " rows, " ~ found | join(', ') ~ (", ..." if left_out | length > 5 else "")
            ~ ". They would be left out, so the table stays as it was: mend the rows, or name their"
            ~ " values in meta.partition_values."
        ) -%}
    {%- endif -%}
{% endmacro %}


{% macro partition_literal(value) %}
    {{ return(value if value is number else text_literal(value)) }}
{% endmacro %}


{% macro write_whole(query, folder) %}
    {%- set partitioned_by = config.get('partitioned_by', []) -%}
    {%- call statement('main') -%}
        copy (
            {{ query }}
            {{ order_of_rows() }}
        ) to {{ text_literal(folder) }} (
            format parquet,
            overwrite true,
            {% if partitioned_by %}partition_by ({{ partitioned_by | join(', ') }}){% else %}per_thread_output true{% endif %}
        )
    {%- endcall -%}
{% endmacro %}


{% macro order_of_rows() %}
    {%- set sorted_by = config.get('meta', {}).get('sorted_by') -%}
    {{ return('order by ' ~ sorted_by | join(', ') if sorted_by else '') }}
{% endmacro %}


{% macro publish(relation, existing_relation, columns, folder) %}
    {%- if existing_relation is not none and existing_relation.type != 'view' -%}
        {%- do adapter.drop_relation(existing_relation) -%}
    {%- endif -%}
    {%- call statement('publish') -%}
        create or replace view {{ relation }} as
        {{ select_from_lake(folder, columns) }}
    {%- endcall -%}
    {%- do persist_docs(relation, model) -%}
{% endmacro %}


{#-
    Conditions on user_id that cut the shoppers into slices of about 800,000 orders each: one slice
    of them takes DuckDB less than 2 GB, where all of Instacart's 3.4 million orders at once would be
    spilled to disk again and again. Every slice is a range, which skips what is sorted by shopper.
-#}
{% macro user_slices() %}
    {%- set node = graph.nodes['model.' ~ model.package_name ~ '.stg_orders'] -%}
    {%- set orders = adapter.get_relation(node.database, node.schema, node.alias) -%}
    {%- if not orders -%}
        {#- with --defer they are in another schema; one slice holds the same rows -#}
        {{ return(['true']) }}
    {%- endif -%}
    {%- set starts = run_query(
        "select min(user_id) from ("
        ~ "select user_id, sum(count(*)) over (order by user_id) as orders_so_far"
        ~ " from " ~ orders ~ " group by user_id"
        ~ ") group by orders_so_far // 800000 order by 1"
    ).columns[0].values() | list -%}
    {%- set slices = [] -%}
    {%- for start in starts -%}
        {%- set from_start = 'true' if loop.first else 'user_id >= ' ~ start -%}
        {%- do slices.append(from_start if loop.last else from_start ~ ' and user_id < ' ~ starts[loop.index]) -%}
    {%- endfor -%}
    {{ return(slices or ['true']) }}
{% endmacro %}


{% macro lake_dir() %}
    {%- set database_file = run_query(
        "select path from duckdb_databases() where database_name = '" ~ target.database ~ "'"
    ).columns[0].values()[0] -%}
    {%- if not database_file -%}
        {%- do exceptions.raise_compiler_error(
            "The local target needs a DuckDB file, its folder is the lake: set `path` in profiles.yml."
        ) -%}
    {%- endif -%}
    {{ return(database_file.rpartition('/')[0]) }}
{% endmacro %}


{% macro next_lake_folder(relation) %}
    {%- set base = lake_dir() ~ '/' ~ relation.schema ~ '.' ~ relation.identifier -%}
    {%- set live_view = run_query(
        "select sql from duckdb_views() where database_name = '" ~ relation.database
        ~ "' and schema_name = '" ~ relation.schema ~ "' and view_name = '" ~ relation.identifier ~ "'"
    ).columns[0].values() -%}
    {%- set files = path_literal(base ~ '.a', '/**/*.parquet') -%}
    {{ return(base ~ ('.b' if live_view and files in live_view[0] else '.a')) }}
{% endmacro %}


{#-
    The published columns, in order and with their types: partition values come back from folder
    names as text, and a partitioned result without rows leaves no file at all.
-#}
{% macro select_from_lake(folder, columns) %}
    {%- set partitioned_by = config.get('partitioned_by', []) -%}
    {%- set files = path_literal(folder, '/**/*.parquet') -%}
    {%- set is_empty = run_query("select file from glob(" ~ files ~ ") limit 1") | length == 0 -%}
    select
    {%- for column in columns %}
        cast({{ 'null' if is_empty else adapter.quote(column.name) }} as {{ column.dtype }}) as {{ adapter.quote(column.name) }}{{ ',' if not loop.last }}
    {%- endfor %}
    {%- if is_empty %}
    where false
    {%- else %}
    from read_parquet(
        {{ files }},
        hive_partitioning = {{ 'true' if partitioned_by else 'false' }}{% if partitioned_by %},
        hive_types_autocast = false{% endif %}

    )
    {%- endif %}
{% endmacro %}

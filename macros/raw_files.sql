{#-
    The one place that knows how raw files are found. The local target reads the files of RAW_DIR, as
    raw_rules.sql says; Athena reads what the Glue crawler catalogued (see raw_catalogue.sql).
-#}

{% macro prepare_raw_tables() %}
    {{ return(adapter.dispatch('prepare_raw_tables')()) }}
{% endmacro %}


{% macro duckdb__prepare_raw_tables() %}
    {%- if execute and flags.WHICH == 'freshness' -%}
        {#- of a file that is missing, freshness itself says no more than `error` -#}
        {%- for table in raw_tables() -%}
            {%- do files_of_raw_table(table.name) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- if command_reads_rows() -%}
        {%- do check_raw_shape() -%}
        {%- do run_query('create schema if not exists raw') -%}
    {%- endif -%}
    {%- if command_reads_rows() and var('raw_shape') == 'order_lines' -%}
        {%- do prepare_loads() -%}
        {%- do check_raw_rows({'products': "Raw file " ~ products_file() ~ " is empty: it has a header and no rows."}) -%}
    {%- elif command_reads_rows() -%}
        {%- set if_empty = {} -%}
        {%- for table in raw_tables() -%}
            {%- set file = raw_file(table.name) -%}
            {%- set columns = table.columns.keys() | list -%}
            {%- do run_query(
                'create or replace view raw.' ~ table.name ~ ' as '
                ~ read_raw_csv(file, raw_header(file, columns), columns)
            ) -%}
            {%- do if_empty.update({
                table.name: "Raw file " ~ file ~ " is empty: it has a header and no rows."
            }) -%}
        {%- endfor -%}
        {%- do check_raw_rows(if_empty) -%}
    {%- endif -%}
{% endmacro %}


{% macro raw_tables() %}
    {{ return(graph.sources.values() | selectattr('source_name', 'in', ['raw', 'loads']) | list) }}
{% endmacro %}


{#- Files of both shapes in one folder, or of the other one than the var says. -#}
{% macro check_raw_shape() %}
    {%- set found = {} -%}
    {%- for shape, below in (('order_lines', '/order_lines/**'), ('instacart', '/orders.csv*')) -%}
        {%- do found.update({shape: run_query(
            "select 1 from glob(" ~ path_literal(raw_dir(), below) ~ ") limit 1"
        ) | length == 1}) -%}
    {%- endfor -%}
    {%- if found.order_lines and found.instacart -%}
        {%- do exceptions.raise_compiler_error(
            "RAW_DIR '" ~ raw_dir() ~ "' holds raw files of two shapes, order_lines/ and orders.csv: keep"
            ~ " those of one."
        ) -%}
    {%- endif -%}
    {%- if found.order_lines and var('raw_shape') != 'order_lines' -%}
        {%- do exceptions.raise_compiler_error(
            "RAW_DIR '" ~ raw_dir() ~ "' holds order lines with times: build them with"
            ~ " --vars '{raw_shape: order_lines, mode: live, windows: 2}'."
        ) -%}
    {%- endif -%}
    {%- if found.instacart and var('raw_shape') == 'order_lines' -%}
        {%- do exceptions.raise_compiler_error(
            "RAW_DIR '" ~ raw_dir() ~ "' holds no order_lines/ but orders.csv: build it without var raw_shape."
        ) -%}
    {%- endif -%}
{% endmacro %}


{#- of the source raw one file a table -#}
{% macro files_of_raw_table(table_name) %}
    {%- if var('raw_shape') != 'order_lines' -%}
        {{ return([raw_file(table_name)]) }}
    {%- elif table_name == 'products' -%}
        {{ return([products_file()]) }}
    {%- endif -%}
    {{ return(loads_in_raw_dir().values() | map(attribute='files') | sum(start=[])) }}
{% endmacro %}


{#- what is refused here, the Python packages refuse as well (ml/tools/paths.py) -#}
{% macro raw_dir() %}
    {%- set folder = env_var('RAW_DIR', '') or invocation_args_dict.project_dir ~ '/raw' -%}
    {%- if execute and modules.re.search('^~|://|[\\\\\x01-\x1f]', folder) -%}
        {%- do exceptions.raise_compiler_error(
            "RAW_DIR is '" ~ folder ~ "': it may not begin with ~, be an address (://), or hold a"
            ~ " backslash, line break or tab."
        ) -%}
    {%- endif -%}
    {{ return(folder) }}
{% endmacro %}


{% macro raw_file(table_name) %}
    {%- set pattern = raw_dir() ~ '/' ~ table_name ~ '.csv' -%}
    {%- set found = run_query(
        "select file from glob(" ~ path_literal(pattern) ~ ") union all select file from glob("
        ~ path_literal(pattern ~ '.gz') ~ ') order by file'
    ).columns[0].values() -%}
    {%- if found | length == 1 -%}
        {{ return(found[0]) }}
    {%- endif -%}
    {%- if found | length > 1 -%}
        {%- do exceptions.raise_compiler_error(
            "Two files for one raw table: " ~ found | join(' and ') ~ ". Keep one of them."
        ) -%}
    {%- endif -%}
    {%- set any_csv = run_query(
        "select file from glob(" ~ path_literal(raw_dir(), '/*.csv*') ~ ")"
    ).columns[0].values() -%}
    {%- if any_csv | length == 0 -%}
        {%- do exceptions.raise_compiler_error(
            "RAW_DIR '" ~ raw_dir() ~ "' holds no raw files: put the six CSV files there, or make a"
            ~ " synthetic shop with `python -m glue sample-shop --out " ~ raw_dir() ~ "`."
        ) -%}
    {%- endif -%}
    {%- do exceptions.raise_compiler_error(
        "Raw file " ~ pattern ~ " is missing (also looked for " ~ table_name ~ ".csv.gz)."
    ) -%}
{% endmacro %}


{% macro raw_header(file, expected, optional=[]) %}
    {%- set most_fields = run_query(raw_most_fields(file)).columns[0].values()[0] -%}
    {%- set first_rows = [] -%}
    {%- if most_fields -%}
        {%- for row in run_query(
            raw_first_rows(file, most_fields | int, var('raw_shape') == 'order_lines')
        ).columns[0].values() -%}
            {%- do first_rows.append(fromjson(row)) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- set fault = raw_header_fault(first_rows, expected, optional) -%}
    {%- if fault -%}
        {%- do exceptions.raise_compiler_error("Raw file " ~ file ~ " " ~ fault) -%}
    {%- endif -%}
    {%- set extra = raw_extra_columns(first_rows[0], expected + optional) -%}
    {%- if extra -%}
        {%- do log("Raw file " ~ file ~ ": " ~ extra, info=true) -%}
    {%- endif -%}
    {{ return(first_rows[0]) }}
{% endmacro %}


{#-
    A shop without train orders has no lines for them; every other table needs at least one row. One
    query looks for a row of each.
-#}
{% macro check_raw_rows(if_empty) %}
    {%- set filled = raw_tables() | rejectattr('config.meta.may_be_empty') | list -%}
    {%- set first_rows = [] -%}
    {%- for table in filled -%}
        {%- set relation = api.Relation.create(
            database=table.database, schema=table.schema, identifier=table.identifier
        ) -%}
        {#- Trino reads half a file to find one row of no column, and the first piece for one column -#}
        {%- set column = table.columns.keys() | first -%}
        {%- if target.type == 'athena' -%}
            {#- there it has the name that the files give it -#}
            {%- set column = raw_names(table_columns(table), [column])[0] -%}
        {%- endif -%}
        {%- do first_rows.append(
            'select ' ~ text_literal(table.name) ~ ' as name, ' ~ column ~ ' as first_value from (select '
            ~ column ~ ' from ' ~ relation ~ ' limit 1) as first_row'
        ) -%}
    {%- endfor -%}
    {%- set found = run_query(first_rows | join(' union all ')).columns[0].values() -%}
    {%- for name in filled | map(attribute='name') | reject('in', found) -%}
        {%- do exceptions.raise_compiler_error(if_empty[name]) -%}
    {%- endfor -%}
{% endmacro %}


{% macro raw_loaded_at(source_relation) %}
    {{ return(adapter.dispatch('raw_loaded_at')(source_relation)) }}
{% endmacro %}


{% macro duckdb__raw_loaded_at(source_relation) %}
    select max(last_modified) as loaded_at
    from read_blob({{ path_literals(files_of_raw_table(source_relation.identifier)) }})
{% endmacro %}


{% macro athena__raw_loaded_at(source_relation) %}
    select max("$file_modified_time") as loaded_at
    from {{ source_relation }}
{% endmacro %}

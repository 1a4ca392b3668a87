{#-
    The shape order_lines. A load is a folder load_date=<day> of whole orders, read once in its life: by
    stg_order_lines, which keeps what the load was known by. That are its files' names, sizes and times of
    writing, because to hash their bytes would be to read them again.
-#}

{% macro order_line_columns() %}
    {{ return(raw_order_line_columns(var('order_lines_columns'))) }}
{% endmacro %}


{% macro product_columns() %}
    {{ return(raw_product_columns(var('products_columns'))) }}
{% endmacro %}


{#-
    Local target: views raw.order_lines over the loads that are new or were delivered again,
    raw.products over the file of products, and raw.files_to_read of what is read.
-#}
{% macro prepare_loads() %}
    {%- set products = products_file() -%}
    {%- do run_query(
        'create or replace view raw.products as '
        ~ raw_shop_rows([products], header_of_shop_file(products, product_columns()), product_columns())
    ) -%}
    {%- set loads = loads_in_raw_dir() -%}
    {%- set staged = staged_loads() -%}
    {%- do check_loads_are_there(loads, staged, raw_dir() ~ '/order_lines') -%}
    {%- set files = [] -%}
    {%- set by_header = {} -%}
    {%- set unread = loads_to_read(loads, staged) -%}
    {%- do say_loads_to_read(loads, unread) -%}
    {%- for load in unread -%}
        {%- for file in loads[load.load_date].files -%}
            {%- set header = header_of_shop_file(file, order_line_columns()) -%}
            {%- do by_header.setdefault((file.endswith('.parquet'), header | join('\x01')), [header]).append(file) -%}
            {%- do files.append('(' ~ text_literal(file) ~ ', ' ~ load.sql ~ ')') -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- do run_query(
        'create or replace view raw.files_to_read as select * from (values '
        ~ (files | join(', ') or "('', " ~ no_load() ~ ")")
        ~ ') as files (file_name, load_date, load_identity, load_bytes, first_read_at, read_at)'
        ~ ('' if files else ' where false')
    ) -%}
    {%- set selects = [] -%}
    {%- for header_and_files in by_header.values() -%}
        {%- do selects.append(
            raw_shop_rows(header_and_files[1:], header_and_files[0], order_line_columns())
        ) -%}
    {%- endfor -%}
    {%- do run_query(
        'create or replace view raw.order_lines as '
        ~ 'select order_lines.*, files_to_read.* exclude (file_name)'
        ~ ' from (' ~ (selects | join(' union all ') or no_order_lines()) ~ ') as order_lines'
        ~ ' inner join raw.files_to_read on order_lines.file_name = files_to_read.file_name'
    ) -%}
{% endmacro %}


{% macro say_loads_to_read(loads, unread) %}
    {%- if flags.WHICH in ('build', 'run') -%}
        {%- set sizes = [] -%}
        {%- for load in unread -%}
            {%- do sizes.append(loads[load.load_date].bytes | int) -%}
        {%- endfor -%}
        {%- do log(
            'Reads ' ~ unread | length ~ ' of ' ~ loads | length ~ ' loads, ' ~ '{:,}'.format(sizes | sum) ~ ' bytes.',
            info=true
        ) -%}
    {%- endif -%}
{% endmacro %}


{#-
    The loads that are new, or known by something else than when they were staged, each with SQL of its
    load_date, load_identity, load_bytes, first_read_at and read_at.
-#}
{% macro loads_to_read(loads, staged) %}
    {%- set now = run_started_at.strftime('%Y-%m-%d %H:%M:%S') -%}
    {%- set found = [] -%}
    {%- for load_date in loads | sort -%}
        {%- set load = loads[load_date] -%}
        {%- set before = staged.get(load_date, {}) -%}
        {%- if before.get('identity') != load.identity or is_read_again(load_date) -%}
            {%- set first = now if flags.FULL_REFRESH else before.get('first_read_at', now) -%}
            {%- do found.append({'load_date': load_date, 'sql': [
                text_literal(load_date), text_literal(load.identity), load.bytes,
                "timestamp '" ~ first ~ "'", "timestamp '" ~ now ~ "'"
            ] | join(', ')}) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(found) }}
{% endmacro %}


{% macro no_load() %}
    {{ return("'', '', 0, timestamp '2000-01-01 00:00:00', timestamp '2000-01-01 00:00:00'") }}
{% endmacro %}


{#- dbt's own options for a backfill: loads of these days are read again, whatever they are known by -#}
{% macro is_read_again(load_date) %}
    {%- set start = invocation_args_dict.get('event_time_start') -%}
    {%- set end = invocation_args_dict.get('event_time_end') -%}
    {{ return(
        flags.FULL_REFRESH or (
            (start or end) and not (start and load_date < (start | string)[:10]) and not (end and load_date >= (end | string)[:10])
        )
    ) }}
{% endmacro %}


{#- by load_date: files, identity, bytes -#}
{% macro loads_in_raw_dir() %}
    {%- set root = raw_dir() ~ '/order_lines' -%}
    {%- set listed = run_query(
        "select file from glob(" ~ path_literal(root, '/**') ~ ") order by file"
    ).columns[0].values() -%}
    {%- set files = [] -%}
    {%- for file in listed -%}
        {%- set parts = file.rpartition('/order_lines/')[2].split('/') -%}
        {#- as Hive and Athena do: what a program still writes, or wrote beside its files -#}
        {%- if not parts | select('string') | map('first') | select('in', '._') | list -%}
            {%- set fault = raw_load_file_fault(parts) -%}
            {%- if fault -%}
                {%- do exceptions.raise_compiler_error("File " ~ file ~ " " ~ fault) -%}
            {%- endif -%}
            {%- do files.append(file) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if not files -%}
        {%- do exceptions.raise_compiler_error(
            root ~ " holds no load: put order lines into " ~ root ~ "/load_date=2017-03-05/lines.csv,"
            ~ " one folder a load, named by its day."
        ) -%}
    {%- endif -%}
    {%- set loads = {} -%}
    {%- for row in run_query(
        "select load_date, string_agg(filename, chr(10) order by filename), md5(string_agg(known_by, chr(10) order by known_by)),"
        ~ " sum(size), try_cast(load_date as date) is not null from ("
        ~ "select filename, size, regexp_extract(filename, '.*/load_date=([^/]*)/', 1) as load_date,"
        ~ " parse_filename(filename) || ' ' || size || ' ' || epoch_us(last_modified) as known_by"
        ~ " from read_blob(" ~ path_literals(files) ~ ")) group by load_date"
    ).rows -%}
        {%- if not row[4] -%}
            {%- do exceptions.raise_compiler_error(
                "Folder load_date=" ~ row[0] ~ " in " ~ root ~ " is of no day: name a load as in"
                ~ " load_date=2017-03-05."
            ) -%}
        {%- endif -%}
        {%- do loads.update({row[0]: {'files': row[1].split('\n'), 'identity': row[2], 'bytes': row[3]}}) -%}
    {%- endfor -%}
    {{ return(loads) }}
{% endmacro %}


{% macro check_loads_are_there(loads, staged, place) %}
    {%- set vanished = staged.keys() | reject('in', loads.keys()) | sort -%}
    {%- if vanished and not flags.FULL_REFRESH -%}
        {%- do exceptions.raise_compiler_error(
            vanished[:3] | join(', ') ~ (" and " ~ (vanished | length - 3) ~ " more" if vanished | length > 3 else "")
            ~ (": load that was read before and is" if vanished | length == 1 else ": loads that were read before and are")
            ~ " no longer in " ~ place ~ ". Put back what is missing, or accept that its"
            ~ " orders are gone: `dbt build --full-refresh`."
        ) -%}
    {%- endif -%}
{% endmacro %}


{% macro products_file() %}
    {%- set found = run_query(
        "select file from glob(" ~ path_literal(raw_dir(), '/products/*') ~ ")"
        ~ " where regexp_matches(file, '/products[.](csv|csv[.]gz|parquet)$') order by file"
    ).columns[0].values() -%}
    {%- if found | length != 1 -%}
        {%- do exceptions.raise_compiler_error(
            ("Two files of products: " ~ found | join(' and ') ~ ". Keep one of them.") if found else
            ("Raw file " ~ raw_dir() ~ "/products/products.csv is missing (also looked for .csv.gz and .parquet).")
        ) -%}
    {%- endif -%}
    {{ return(found[0]) }}
{% endmacro %}


{#- The names of a file's columns, in order; stops the run where one is missing or named twice. -#}
{% macro header_of_shop_file(file, columns) %}
    {%- set needed = raw_names(columns, columns.needed) -%}
    {%- set optional = raw_names(columns, columns.optional) -%}
    {%- if not file.endswith('.parquet') -%}
        {{ return(raw_header(file, needed, optional)) }}
    {%- endif -%}
    {%- set header = run_query(raw_parquet_names(file)).columns[0].values() | list -%}
    {%- set fault = raw_header_fault([header], needed, optional) -%}
    {%- if fault -%}
        {%- do exceptions.raise_compiler_error("Raw file " ~ file ~ " " ~ fault) -%}
    {%- endif -%}
    {{ return(header) }}
{% endmacro %}


{% macro no_order_lines() %}
    {%- set selected = [] -%}
    {%- for column in order_line_columns().needed + order_line_columns().optional + ['line_fault', 'file_name'] -%}
        {%- do selected.append('cast(null as varchar) as ' ~ column) -%}
    {%- endfor -%}
    {{ return('select ' ~ selected | join(', ') ~ ' where false') }}
{% endmacro %}


{#- What is staged: identity and time of the first reading, by load_date. -#}
{% macro staged_loads() %}
    {%- set found = {} -%}
    {%- set node = graph.nodes.values() | selectattr('name', 'equalto', 'stg_order_lines') | first -%}
    {%- set lines = adapter.get_relation(node.database, node.schema, node.alias) -%}
    {%- if lines -%}
        {%- for row in run_query(
            "select load_date, min(load_identity), substr(cast(min(first_read_at) as varchar), 1, 19)"
            ~ " from " ~ lines ~ " group by load_date"
        ).rows -%}
            {%- do found.update({row[0]: {'identity': row[1], 'first_read_at': row[2] | string}}) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(found) }}
{% endmacro %}


{#-
    Post-hook of stg_order_lines, on the local target in the transaction that publishes it: a load without
    a line, or with more rejected lines than the var allows, is not published.
-#}
{% macro check_loads() %}
    {%- if execute and not flags.EMPTY -%}
        {%- do check_loads_have_lines() -%}
        {%- do check_rejected_lines('load_date', 'Load ') -%}
    {%- endif -%}
{% endmacro %}


{#- Post-hook of stg_product_lines -#}
{% macro check_products() %}
    {%- if execute -%}
        {%- do check_rejected_lines("'The file of products'") -%}
    {%- endif -%}
{% endmacro %}


{% macro check_rejected_lines(group, label='') %}
    {%- set above = run_query(
        "select * from (select " ~ group ~ " as group_name, count(*) as all_lines,"
        ~ " count(reject_reason) as rejected_lines from " ~ this ~ " group by " ~ group ~ ") as counted"
        ~ " where rejected_lines > " ~ var('most_rejected') ~ " * all_lines"
        ~ " order by cast(rejected_lines as double) / all_lines desc, group_name"
    ).rows -%}
    {%- if above -%}
        {%- set worst = above[0] -%}
        {%- set told = [] -%}
        {%- for row in run_query(
            "select reject_reason, count(*) as rejected_lines, min(file_name || ': ' || line_text) as example from "
            ~ this ~ " where reject_reason is not null and " ~ group ~ " = " ~ text_literal(worst[0])
            ~ " group by reject_reason order by rejected_lines desc, reject_reason"
        ).rows -%}
            {%- do told.append(
                row[0] ~ " in " ~ row[1] ~ (" line" if row[1] == 1 else " lines") ~ ", as in " ~ row[2] ~ "."
            ) -%}
        {%- endfor -%}
        {%- set more = above | length - 1 -%}
        {%- if label -%}
            {%- do take_back_loads(above) -%}
        {%- endif -%}
        {%- do exceptions.raise_compiler_error(
            label ~ worst[0] ~ (" (and " ~ more ~ " more)" if more else "") ~ ": " ~ worst[2] ~ " of "
            ~ worst[1] ~ " lines cannot be used, and var most_rejected allows " ~ var('most_rejected')
            ~ " of them. " ~ told | join(' ') ~ " Mend the files, or allow more with"
            ~ " --vars '{most_rejected: " ~ (worst[2] / worst[1] + 0.0005) | round(3) ~ "}'."
        ) -%}
    {%- endif -%}
{% endmacro %}


{#- Loads that are not to be published. The local target's transaction is rolled back. -#}
{% macro take_back_loads(rows) %}
    {{ return(adapter.dispatch('take_back_loads')(rows)) }}
{% endmacro %}


{% macro duckdb__take_back_loads(rows) %}
{% endmacro %}


{#- Athena has no transaction: the loads' files are deleted, so that the next run reads them again. -#}
{% macro athena__take_back_loads(rows) %}
    {%- for row in rows -%}
        {%- do adapter.clean_up_partitions(this, 'load_date = ' ~ text_literal(row[0])) -%}
    {%- endfor -%}
{% endmacro %}


{% macro check_loads_have_lines() %}
    {{ return(adapter.dispatch('check_loads_have_lines')()) }}
{% endmacro %}


{% macro duckdb__check_loads_have_lines() %}
    {%- set empty = run_query(
        "select load_date, min(file_name) from raw.files_to_read where load_date not in"
        ~ " (select load_date from " ~ this ~ ") group by load_date order by load_date"
    ).rows -%}
    {%- if empty -%}
        {%- do stop_at_empty_load(empty[0][0], empty[0][1]) -%}
    {%- endif -%}
{% endmacro %}


{% macro athena__check_loads_have_lines() %}
    {#- not by what dbt remembers of the schema: the table may be new -#}
    {%- set staged = run_query('select distinct load_date from ' ~ this).columns[0].values() | list -%}
    {%- set empty = catalogued_loads().keys() | reject('in', staged) | sort -%}
    {%- if empty -%}
        {%- do stop_at_empty_load(empty[0], 'its file') -%}
    {%- endif -%}
{% endmacro %}


{% macro stop_at_empty_load(load_date, file) %}
    {%- do exceptions.raise_compiler_error(
        "Load " ~ load_date ~ " has no line: " ~ file ~ " holds a header and nothing else. Give"
        ~ " the whole file, or remove the load's folder if nothing was ordered."
    ) -%}
{% endmacro %}


{#-
    What stg_order_lines reads: on the local target the view that prepare_loads made; on Athena the
    partitions of the loads that it finds to be new, so that no other is scanned.
-#}
{% macro lines_to_read() %}
    {{ return(adapter.dispatch('lines_to_read')(source('loads', 'order_lines'))) }}
{% endmacro %}


{% macro duckdb__lines_to_read(order_lines) %}
    select * from {{ order_lines }}
{% endmacro %}


{% macro athena__lines_to_read(order_lines) %}
    {%- set loads = loads_to_read(catalogued_loads(), staged_loads()) if command_reads_rows() else [] -%}
    {%- set dates = [] -%}
    {%- set rows = [] -%}
    {%- for load in loads -%}
        {%- do dates.append(text_literal(load.load_date)) -%}
        {%- do rows.append('(' ~ load.sql ~ ')') -%}
    {%- endfor -%}
    select
        {{ athena_columns(order_lines, order_line_columns()) }},
        loads.load_date,
        loads.load_identity,
        loads.load_bytes,
        loads.first_read_at,
        loads.read_at
    from {{ order_lines }} as lines
    inner join (
        values {{ rows | join(', ') or '(' ~ no_load() ~ ')' }}
    ) as loads (load_date, load_identity, load_bytes, first_read_at, read_at)
        on lines.load_date = loads.load_date
    where lines.load_date in ({{ dates | join(', ') or "''" }})
{% endmacro %}


{#- What stg_product_lines reads. -#}
{% macro products_to_read() %}
    {{ return(adapter.dispatch('products_to_read')(source('loads', 'products'))) }}
{% endmacro %}


{% macro duckdb__products_to_read(products) %}
    select * from {{ products }}
{% endmacro %}


{% macro athena__products_to_read(products) %}
    select
        {{ athena_columns(products, product_columns()) }}
    from {{ products }} as lines
{% endmacro %}


{#-
    Columns of a raw table as text, under their names of ours; empty texts for one that the files do not
    have. A Parquet column of times would be written with fractions of a second, and null is an empty
    field there.
-#}
{% macro athena_columns(relation, columns) %}
    {%- set there = none -%}
    {%- set is_parquet = false -%}
    {%- if command_reads_rows() -%}
        {%- set entry = adapter.get_glue_table(relation)['Table'] -%}
        {%- set there = entry['StorageDescriptor']['Columns'] | map(attribute='Name') | list -%}
        {%- set is_parquet = entry.get('Parameters', {}).get('classification') == 'parquet' -%}
    {%- endif -%}
    {%- set selected = [] -%}
    {%- set are_missing = [] -%}
    {%- for column in columns.needed + columns.optional -%}
        {%- set name = columns.names.get(column, column) -%}
        {%- set text = 'cast(lines.' ~ adapter.quote(name) ~ ' as varchar)' -%}
        {%- if there is not none and name not in there -%}
            {%- set text = "''" -%}
        {%- elif is_parquet -%}
            {%- if column == 'ordered_at' -%}
                {%- set text = "regexp_replace(" ~ text ~ ", '(:[0-9]{2})[.][0-9]+$', '$1')" -%}
            {%- endif -%}
        {%- elif column in columns.needed -%}
            {%- do are_missing.append(text ~ ' is null') -%}
        {%- endif -%}
        {%- do selected.append('coalesce(' ~ text ~ ", '') as " ~ column) -%}
    {%- endfor -%}
    {%- set faults = [] -%}
    {%- if there and 'line_fault' in there -%}
        {%- do faults.append("nullif(cast(lines.line_fault as varchar), '')") -%}
    {%- endif -%}
    {%- if are_missing -%}
        {%- do faults.append('case when ' ~ are_missing | join(' or ') ~ " then 'line has fewer fields than its header' end") -%}
    {%- endif -%}
    {%- do selected.append('coalesce(' ~ (faults + ['cast(null as varchar)', 'cast(null as varchar)']) | join(', ') ~ ') as line_fault') -%}
    {{ return((selected + ['lines."$path" as file_name']) | join(',\n        ')) }}
{% endmacro %}


{#-
    Athena: the loads of the raw zone, as they were written down beside the table's columns when they
    were catalogued (`python -m glue crawl`): to find them out of the table would be to scan it.
-#}
{% macro catalogued_loads() %}
    {%- set source_table = graph.sources.values() | selectattr('source_name', 'equalto', 'loads')
        | selectattr('name', 'equalto', 'order_lines') | first -%}
    {%- set entry = adapter.get_glue_table(api.Relation.create(
        database=source_table.database, schema=source_table.schema, identifier=source_table.identifier
    ))['Table'] -%}
    {%- set written = entry.get('Parameters', {}).get('loads') -%}
    {%- if not written -%}
        {%- do exceptions.raise_compiler_error(
            "Raw table " ~ source_table.schema ~ ".order_lines does not say which loads it has: run"
            ~ " `python -m glue crawl`."
        ) -%}
    {%- endif -%}
    {%- set loads = {} -%}
    {%- for load_date, load in fromjson(written).items() -%}
        {%- do loads.update({load_date: {'identity': load[0], 'bytes': load[1]}}) -%}
    {%- endfor -%}
    {{ return(loads) }}
{% endmacro %}


{#- Post-hook of stg_products -#}
{% macro say_unlisted_products() %}
    {%- if execute and not flags.EMPTY and var('raw_shape') == 'order_lines' -%}
        {%- set unlisted = run_query(
            "select count(*), min(product_name) from " ~ this ~ " where product_id not in (select product_id from "
            ~ ref('stg_product_lines') ~ " where reject_reason is null)"
        ).rows[0] -%}
        {%- if unlisted[0] -%}
            {%- do log(
                unlisted[0] ~ (" product is" if unlisted[0] == 1 else " products are") ~ " bought but not listed"
                ~ " in the file of products, as " ~ unlisted[1] ~ ": named by the id, in aisle missing.", info=true
            ) -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}


{#- The day as of which a shop with times is looked at, as SQL; null where files have no times. -#}
{% macro newest_load() -%}
    {%- if var('raw_shape') == 'order_lines' -%}
        cast((select max(load_date) from {{ ref('loads') }}) as date)
    {%- else -%}
        cast(null as date)
    {%- endif -%}
{%- endmacro %}

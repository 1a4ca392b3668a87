{#-
    What Glue says of the raw tables, held against their yml before any model reads them: a table
    that is read the wrong way gives wrong rows, in silence. Six calls and one small query.
    The header of the files themselves is compared by `python -m glue verify`, which the nightly run
    calls before dbt.
-#}
{% macro athena__prepare_raw_tables() %}
    {#- only before models are built; compiling needs no account -#}
    {%- if execute and flags.WHICH in ('build', 'run') -%}
        {%- set if_empty = {} -%}
        {%- for table in raw_tables() -%}
            {%- set entry = adapter.get_glue_table(api.Relation.create(
                database=table.database, schema=table.schema, identifier=table.identifier
            ))['Table'] -%}
            {%- do check_catalogued_columns(table, entry) -%}
            {%- do check_catalogued_reader(table, entry) -%}
            {%- do if_empty.update({
                table.name: "Raw table " ~ table.schema ~ "." ~ table.identifier
                    ~ " has no row: its file in " ~ entry['StorageDescriptor']['Location']
                    ~ " is empty or missing. `python -m glue verify` says which."
            }) -%}
        {%- endfor -%}
        {%- do check_raw_rows(if_empty) -%}
        {%- if var('raw_shape') == 'order_lines' -%}
            {%- do check_loads_are_there(catalogued_loads(), staged_loads(), 'the raw zone') -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}


{% macro check_catalogued_columns(table, entry) %}
    {%- set catalogued = entry['StorageDescriptor']['Columns'] | map(attribute='Name') | list -%}
    {%- set columns = table_columns(table) -%}
    {%- set missing = raw_names(columns, columns.needed) | reject('in', catalogued) | list -%}
    {%- if missing -%}
        {%- do exceptions.raise_compiler_error(
            "Raw table " ~ table.schema ~ "." ~ table.identifier ~ " has no column "
            ~ missing | join(', ') ~ " in the Glue catalog: its columns are "
            ~ catalogued | join(', ') ~ ". `python -m glue verify` says what to mend."
        ) -%}
    {%- endif -%}
    {%- set extra = raw_extra_columns(catalogued, raw_names(columns, columns.needed + columns.optional) + ['line_fault']) -%}
    {%- if extra -%}
        {%- do log("Raw table " ~ table.schema ~ "." ~ table.identifier ~ ": " ~ extra, info=true) -%}
    {%- endif -%}
{% endmacro %}


{% macro table_columns(table) %}
    {%- if table.source_name == 'raw' -%}
        {{ return({'needed': table.columns.keys() | list, 'optional': [], 'names': {}}) }}
    {%- endif -%}
    {{ return(order_line_columns() if table.name == 'order_lines' else product_columns()) }}
{% endmacro %}


{#- How a raw file has to be read; `python -m glue crawl` makes the tables so. -#}
{% macro check_catalogued_reader(table, entry) %}
    {%- set name = table.schema ~ '.' ~ table.identifier -%}
    {%- if table.source_name == 'loads' and entry.get('Parameters', {}).get('classification') == 'parquet' -%}
        {{ return('') }}
    {%- endif -%}
    {%- set serde = entry['StorageDescriptor'].get('SerdeInfo', {}) -%}
    {%- set library = serde.get('SerializationLibrary', 'none') -%}
    {%- if library != 'org.apache.hadoop.hive.serde2.OpenCSVSerde' -%}
        {%- do exceptions.raise_compiler_error(
            "Raw table " ~ name ~ " is read by SerDe " ~ library ~ ", not by OpenCSVSerde, and would"
            ~ " give other values: drop the table, then run `python -m glue crawl`."
        ) -%}
    {%- endif -%}
    {%- set header_lines = entry.get('Parameters', {}).get('skip.header.line.count', 'none') -%}
    {%- if header_lines != '1' -%}
        {%- do exceptions.raise_compiler_error(
            "Raw table " ~ name ~ " has skip.header.line.count " ~ header_lines ~ ", not 1: headers"
            ~ " would be read as rows, or rows left out. Drop the table, then run"
            ~ " `python -m glue crawl`."
        ) -%}
    {%- endif -%}
    {%- set parameters = serde.get('Parameters', {}) -%}
    {%- if parameters.get('separatorChar', ',') != ',' or parameters.get('quoteChar', '"') != '"' -%}
        {%- do exceptions.raise_compiler_error(
            "Raw table " ~ name ~ " has another separatorChar than a comma or another quoteChar than"
            ~ ' ": drop the table, then run `python -m glue crawl`.'
        ) -%}
    {%- endif -%}
    {#- the SerDe's own default is a backslash, which breaks names that hold one -#}
    {%- if parameters.get('escapeChar') != '\u0001' -%}
        {%- do exceptions.raise_compiler_error(
            "Raw table " ~ name ~ " has no escapeChar \\u0001 in its SerDe, so that names with a"
            ~ " backslash would lose fields: run `python -m glue fix-serde`."
        ) -%}
    {%- endif -%}
{% endmacro %}

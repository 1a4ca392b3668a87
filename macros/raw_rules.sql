{#-
    What every raw file must fulfil. The build stops by these rules, and `python -m glue` runs this
    very file on files that no build has seen (glue/raw/rules.py): plain Jinja, nothing of dbt but
    `return`, and that only in macros which no other here calls.
-#}

{% macro raw_most_fields(file) %}
    select max(length(line) - length(replace(line, ',', ''))) + 1 as most_fields
    from (
        select line
        from read_csv(
            {{ path_literal(file) }},
            {{ raw_dialect('\x01', '') }},
            header = false,
            columns = {'line': 'varchar'},
            strict_mode = false,
            parallel = false,
            buffer_size = 2000000
        )
        where line <> ''
        limit 2
    )
{% endmacro %}


{#- A field that is not there is padded with null, which an empty one is not. -#}
{% macro raw_first_rows(file, most_fields, ignores_others=false) %}
    {%- set names = [] -%}
    {%- for place in range(most_fields) -%}
        {%- do names.append('field_' ~ place) -%}
    {%- endfor -%}
    select [field for field in [{{ names | join(', ') }}] if field is not null] as fields
    from read_csv(
        {{ path_literal(file) }},
        {{ raw_dialect() }},
        header = false,
        columns = {{ raw_strings(names) }},
        nullstr = '\x01',
        null_padding = true,
        ignore_errors = {{ ignores_others | lower }},
        parallel = false,
        buffer_size = 2000000
    )
    limit 2
{% endmacro %}


{#- A folder above the file may be named user_id=7: it would be read as a partition, and as that column. -#}
{% macro raw_dialect(delimiter=',', quote='"') -%}
    hive_partitioning = false, auto_detect = false, delim = '{{ delimiter }}', quote = '{{ quote }}', escape = '{{ quote }}'
{%- endmacro %}


{% macro raw_strings(names) -%}
    {{ '{' }}{% for name in names %}'{{ name }}': 'varchar'{{ ', ' if not loop.last }}{% endfor %}{{ '}' }}
{%- endmacro %}


{#- Names of columns that are not read may be anything, none or the same twice: here they are places. -#}
{% macro read_raw_csv(file, header, columns) %}
    {%- set names = [] -%}
    {%- for name in header -%}
        {%- do names.append(name if name in columns else 'extra_' ~ loop.index) -%}
    {%- endfor -%}
    select {{ columns | join(', ') }}
    from read_csv(
        {{ path_literal(file) }},
        {{ raw_dialect() }},
        header = true,
        columns = {{ raw_strings(names) }},
        force_not_null = ['{{ names | join("', '") }}']
    )
{% endmacro %}


{% macro raw_header_fault(first_rows, expected, optional=[]) %}
    {%- set header = first_rows[0] if first_rows else [] -%}
    {%- if not (header | join).strip() -%}
        {{ return('is empty: it has no header.') }}
    {%- endif -%}
    {%- for delimiter, delimiter_name in ((';', 'semicolons'), ('\t', 'tabs'), ('|', 'bars')) -%}
        {%- if header | length == 1 and delimiter in header[0] -%}
            {{ return(
                'is separated by ' ~ delimiter_name ~ ', not by commas: write it with commas, with the'
                ~ ' header ' ~ expected | join(',') ~ '.'
            ) }}
        {%- endif -%}
    {%- endfor -%}
    {%- set missing = expected | reject('in', header) | list -%}
    {%- if missing -%}
        {{ return(
            'has no column ' ~ missing | join(', ') ~ ': its header is ' ~ header | join(',')
            ~ ', expected ' ~ expected | join(',') ~ '.' ~ raw_nearly_named(header, missing)
        ) }}
    {%- endif -%}
    {%- set named = header | select('in', (expected | list) + (optional | list)) | list -%}
    {%- if named | length > named | unique | list | length -%}
        {{ return('names a column twice: its header is ' ~ header | join(',') ~ '.') }}
    {%- endif -%}
    {%- if first_rows | length > 1 and first_rows[1] | length != header | length -%}
        {%- set ends = [] -%}
        {%- for line, fields in (('header', header), ('row', first_rows[1])) if fields[-1] == '' -%}
            {%- do ends.append(' The ' ~ line ~ ' ends with a comma.') -%}
        {%- endfor -%}
        {{ return(
            'has ' ~ header | length ~ ' fields in its header and ' ~ first_rows[1] | length
            ~ ' in its first row: write a field for each column in every line.' ~ ends | join
        ) }}
    {%- endif -%}
    {{ return('') }}
{% endmacro %}


{% macro raw_nearly_named(header, missing) -%}
    {%- set told = [] -%}
    {%- for name in missing -%}
        {%- for written in header if name == written.strip().lower().replace(' ', '_') -%}
            {%- do told.append(name ~ " for '" ~ written ~ "'") -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- ' Names are compared as written: write ' ~ told | join(', ') ~ '.' if told }}
{%- endmacro %}


{% macro raw_extra_columns(header, expected) %}
    {%- set named = [] -%}
    {%- set nameless = [] -%}
    {%- for name in header if name not in expected and name not in named -%}
        {%- do (named if name.strip() else nameless).append(name) -%}
    {%- endfor -%}
    {%- set told = [] -%}
    {%- if named -%}
        {%- do told.append(
            'extra column' ~ ('s ' if named | length > 1 else ' ') ~ named | join(', ')
        ) -%}
    {%- endif -%}
    {%- if nameless -%}
        {%- do told.append(
            'a column without a name' if nameless | length == 1
            else nameless | length ~ ' columns without a name'
        ) -%}
    {%- endif -%}
    {%- set verb = ' is' if named | length + nameless | length == 1 else ' are' -%}
    {{ return(told | join(' and ') ~ verb ~ ' ignored.' if told else '') }}
{% endmacro %}


{#-
    try_cast only looks; the staging models cast hard. It is not enough: DuckDB also reads 1e2, 1_2,
    0x9 and ' 2' as whole numbers, Trino does not. Digits are counted only where a number is not
    written as the engine would write it (08), because that is slow. Each rule also looks at the text
    itself: DuckDB gives a cast that is all a query asks of a column to its CSV reader, which stops.

    A key must be written as the engine writes it: the shop looks for 0012 in its own tables, and
    would be given 12.
-#}
{% macro raw_value_rules(keys, whole_numbers, whole_days, accepted) %}
    {%- set rules = [] -%}
    {%- for column in keys -%}
        {%- set number = 'try_cast(' ~ column ~ ' as bigint)' -%}
        {%- do rules.append({
            'column': column,
            'is_bad': number ~ ' is null or ' ~ number ~ ' < 0 or cast(' ~ number
                ~ ' as varchar) <> ' ~ column,
            'expected': 'a whole number without zeros in front, up to 9223372036854775807',
        }) -%}
    {%- endfor -%}
    {%- for column, (lowest, highest) in whole_numbers.items() -%}
        {%- set number = 'try_cast(' ~ column ~ ' as integer)' -%}
        {%- do rules.append({
            'column': column,
            'is_bad': number ~ ' is null or ' ~ number ~ ' not between ' ~ lowest ~ ' and ' ~ highest
                ~ ' or (cast(' ~ number ~ ' as varchar) <> ' ~ column
                ~ ' and translate(' ~ column ~ ", '0123456789', '') <> '')",
            'expected': 'a whole number from ' ~ lowest ~ ' to ' ~ highest,
        }) -%}
    {%- endfor -%}
    {%- for column, (lowest, highest) in whole_days.items() -%}
        {%- set number = 'try_cast(' ~ column ~ ' as double)' -%}
        {%- do rules.append({
            'column': column,
            'is_bad': column ~ " <> '' and (" ~ number ~ ' is null or ' ~ number ~ ' not between '
                ~ lowest ~ ' and ' ~ highest ~ ' or ' ~ number ~ ' <> floor(' ~ number ~ ')'
                ~ ' or translate(' ~ column ~ ", '0123456789.', '') <> '')",
            'expected': 'empty or whole days from ' ~ lowest ~ ' to ' ~ highest,
        }) -%}
    {%- endfor -%}
    {%- for column, values in accepted.items() -%}
        {%- do rules.append({
            'column': column,
            'is_bad': column ~ " not in ('" ~ values | join("', '") ~ "')",
            'expected': 'one of ' ~ values | join(', '),
        }) -%}
    {%- endfor -%}
    {{ return(rules) }}
{% endmacro %}


{% macro raw_order_line_columns(names) %}
    {{ return({
        'needed': ['order_id', 'user_id', 'product_id', 'ordered_at'],
        'optional': ['quantity', 'cart_position'],
        'names': names,
    }) }}
{% endmacro %}


{% macro raw_product_columns(names) %}
    {{ return({
        'needed': ['product_id', 'product_name', 'aisle', 'department'],
        'optional': [],
        'names': names,
    }) }}
{% endmacro %}


{#- the names that columns have in the shop's files -#}
{% macro raw_names(columns, ours) %}
    {%- set theirs = [] -%}
    {%- for column in ours -%}
        {%- do theirs.append(columns.names.get(column, column)) -%}
    {%- endfor -%}
    {{ return(theirs) }}
{% endmacro %}


{#- The names of a Parquet file's columns, in order: what a CSV file's first line is. -#}
{% macro raw_parquet_names(file) %}
    select name
    from parquet_schema({{ path_literal(file) }})
    where num_children is null
{% endmacro %}


{#- Of a path below order_lines, in its parts; what is no day of the calendar, SQL finds. -#}
{% macro raw_load_file_fault(parts) %}
    {%- set folder, file = parts[0], parts[-1] -%}
    {%- set day = folder[10:] -%}
    {%- if parts | length != 2 or folder[:10] != 'load_date=' or day | length != 10
        or day.replace('-', '') | length != 8 or not day.replace('-', '').isdigit() or day[4] != '-' -%}
        {{ return(
            'is in no load: the files of a load lie in a folder of its day, as in order_lines/load_date=2017-03-05/'
            ~ file ~ '.'
        ) }}
    {%- endif -%}
    {%- if not (file.endswith('.csv') or file.endswith('.csv.gz') or file.endswith('.parquet')) -%}
        {{ return(
            'is no file of a load: these end with .csv, .csv.gz or .parquet. Remove it, or let its name begin'
            ~ ' with _, which is not read.'
        ) }}
    {%- endif -%}
    {{ return('') }}
{% endmacro %}


{#-
    Files with one header, every column a string under its name of ours, and in `line_fault` what is wrong
    with a line's number of fields. A Parquet column of times would be written with fractions of a second.
-#}
{% macro raw_shop_rows(files, header, columns) %}
    {%- set is_parquet = files[0].endswith('.parquet') -%}
    {%- set places = [] -%}
    {%- for name in header -%}
        {%- do places.append('field_' ~ loop.index) -%}
    {%- endfor -%}
    {%- set read_places = [] -%}
    {%- for column in columns.needed + columns.optional if columns.names.get(column, column) in header -%}
        {%- do read_places.append(places[header.index(columns.names.get(column, column))]) -%}
    {%- endfor -%}
    {%- set beyond = [] -%}
    {%- for place in range(9) -%}
        {%- do beyond.append('beyond_' ~ place) -%}
    {%- endfor -%}
    select
    {%- for column in columns.needed + columns.optional %}
        {%- set name = columns.names.get(column, column) %}
        {%- if name not in header %}
        '' as {{ column }},
        {%- elif is_parquet %}
        {%- set text = 'cast("' ~ name | replace('"', '""') ~ '" as varchar)' %}
        {%- if column == 'ordered_at' %}
        {%- set text = 'regexp_replace(' ~ text ~ ", '(:[0-9]{2})[.][0-9]+$', '\\1')" %}
        {%- endif %}
        coalesce({{ text }}, '') as {{ column }},
        {%- else %}
        coalesce({{ places[header.index(name)] }}, '') as {{ column }},
        {%- endif %}
    {%- endfor %}
    {%- if is_parquet %}
        cast(null as varchar) as line_fault,
    {%- else %}
        case
            when {{ places[-1] }} is null then 'line has fewer fields than its header'
            when concat_ws('', {{ beyond | join(', ') }}) <> '' then 'line has more fields than its header'
            {#- Athena takes each line for a row, even in quotes, and loses the others #}
            when regexp_matches(concat_ws('', {{ read_places | join(', ') }}), '[\x00\x01\r\n]')
                then 'line holds a line break or a control character'
        end as line_fault,
    {%- endif %}
        filename as file_name
    {%- if is_parquet %}
    from read_parquet({{ path_literals(files) }}, hive_partitioning = false, filename = true)
    {%- else %}
    from read_csv(
        {{ path_literals(files) }},
        {{ raw_dialect() }},
        header = true,
        filename = true,
        columns = {{ raw_strings(places + beyond) }},
        nullstr = '\x01',
        null_padding = true,
        parallel = false
    )
    {%- endif %}
{% endmacro %}

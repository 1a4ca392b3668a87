{#-
    What every raw file must fulfil. The build stops by these rules, and `python -m glue` runs this
    very file on files that no build has seen (glue/raw/rules.py): plain Jinja, nothing of dbt but
    `return`.
-#}

{% macro raw_header_columns(line) %}
    {%- set names = [] -%}
    {%- for name in line.lstrip('\ufeff').rstrip('\r\n').split(',') -%}
        {%- do names.append(name.strip().strip('"')) -%}
    {%- endfor -%}
    {{ return(names) }}
{% endmacro %}


{% macro raw_header_fault(line, header, expected) %}
    {%- if not line.strip('\ufeff\r\n ') -%}
        {{ return('is empty: it has no header.') }}
    {%- endif -%}
    {%- for delimiter, delimiter_name in ((';', 'semicolons'), ('\t', 'tabs'), ('|', 'bars')) -%}
        {%- if header | length == 1 and delimiter in line -%}
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
            ~ ', expected ' ~ expected | join(',') ~ '.'
        ) }}
    {%- endif -%}
    {%- if header | unique | list | length != header | length -%}
        {{ return('names a column twice: its header is ' ~ header | join(',') ~ '.') }}
    {%- endif -%}
    {{ return('') }}
{% endmacro %}


{#-
    try_cast only looks; the staging models cast hard. It is not enough: DuckDB also reads 1e2, 1_2,
    0x9 and ' 2' as whole numbers, Trino does not. Digits are counted only where a number is not
    written as the engine would write it (08), because that is slow.
-#}
{% macro raw_value_rules(whole_numbers, whole_days, accepted) %}
    {%- set rules = [] -%}
    {%- for column, type in whole_numbers.items() -%}
        {%- set number = 'try_cast(' ~ column ~ ' as ' ~ type ~ ')' -%}
        {%- do rules.append({
            'column': column,
            'is_bad': number ~ ' is null or ' ~ number ~ ' < 0'
                ~ ' or (cast(' ~ number ~ ' as varchar) <> ' ~ column
                ~ ' and translate(' ~ column ~ ", '0123456789', '') <> '')",
            'expected': 'a whole number',
        }) -%}
    {%- endfor -%}
    {%- for column in whole_days -%}
        {%- do rules.append({
            'column': column,
            'is_bad': column ~ " <> '' and (try_cast(" ~ column ~ ' as double) is null'
                ~ ' or translate(' ~ column ~ ", '0123456789.', '') <> ''"
                ~ ' or try_cast(' ~ column ~ ' as double) <> floor(try_cast(' ~ column ~ ' as double)))',
            'expected': 'empty or whole days',
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

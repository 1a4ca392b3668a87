{#-
    One pass over the file checks all columns.

    try_cast only looks here; the staging models cast hard. It is not enough: DuckDB also reads
    1e2, 1_2, 0x9 and ' 2' as whole numbers, Trino does not. Digits are counted only where a number
    is not written as the engine would write it (08), because that is slow.
-#}
{% test well_formed(model, whole_numbers={}, whole_days=[], accepted={}) %}

    {#- counting the damage makes the engine spell it out, and so stop with the sentence -#}
    {{ config(fail_calc='count(damage)') }}

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

    with

    -- filtered first: a filter stops at the first condition that settles a row, a case does not
    damaged_rows as (

        select
            {%- for rule in rules %}
            {{ rule.column }}{{ ',' if not loop.last }}
            {%- endfor %}
        from {{ model }}
        where
            {%- for rule in rules %}
            {{ 'or ' if not loop.first }}({{ rule.is_bad }})
            {%- endfor %}

    ),

    counted as (

        select
            {%- for rule in rules %}
            sum(case when {{ rule.is_bad }} then 1 else 0 end) as failures_{{ loop.index }},
            min(case when {{ rule.is_bad }} then {{ rule.column }} end) as example_{{ loop.index }}
            {{- ',' if not loop.last }}
            {%- endfor %}
        from damaged_rows

    ),

    sentences as (

        select
            {%- for rule in rules %}
            case
                when failures_{{ loop.index }} > 0
                    then
                        ' {{ rule.column }} is not {{ rule.expected }} in '
                        || cast(failures_{{ loop.index }} as varchar)
                        || case when failures_{{ loop.index }} = 1 then ' row' else ' rows' end
                        || ', for example '
                        || coalesce('''' || nullif(example_{{ loop.index }}, '') || '''', 'an empty field')
                        || '.'
                else ''
            end
            {{- ' ||' if not loop.last }}
            {%- endfor %} as sentence
        from counted

    )

    select {{ stop_with("'" ~ model.schema ~ '.' ~ model.identifier ~ ":'", 'sentence') }} as damage
    from sentences
    where sentence <> ''

{% endtest %}

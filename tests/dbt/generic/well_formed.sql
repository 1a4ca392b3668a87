{#-
    Every raw value can be read as what its column holds. One pass over the file checks all columns
    and returns a row per damaged one: column, how many values, one of them.

    whole_numbers: columns of unsigned whole numbers; whole_days: the same, also written 15.0, or
    empty; accepted: {column: [values]}.

    try_cast only looks here; the staging models cast hard.
-#}
{% test well_formed(model, whole_numbers=[], whole_days=[], accepted={}) %}

    {#- counting the damage makes the engine spell it out, and so stop with the sentence -#}
    {{ config(fail_calc='count(damage)') }}

    {%- set rules = [] -%}
    {%- for column in whole_numbers -%}
        {%- do rules.append({
            'column': column,
            'is_bad': 'try_cast(' ~ column ~ ' as bigint) is null or strpos(' ~ column ~ ", '.') > 0"
                ~ ' or strpos(' ~ column ~ ", '-') > 0",
            'expected': 'a whole number',
        }) -%}
    {%- endfor -%}
    {%- for column in whole_days -%}
        {%- do rules.append({
            'column': column,
            'is_bad': column ~ " <> '' and (try_cast(" ~ column ~ ' as double) is null'
                ~ ' or try_cast(' ~ column ~ ' as double) <> floor(try_cast(' ~ column ~ ' as double))'
                ~ ' or try_cast(' ~ column ~ ' as double) < 0)',
            'expected': 'whole days or empty',
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

    counted as (

        select
            {%- for rule in rules %}
            sum(case when {{ rule.is_bad }} then 1 else 0 end) as failures_{{ loop.index }},
            min(case when {{ rule.is_bad }} then {{ rule.column }} end) as example_{{ loop.index }}
            {{- ',' if not loop.last }}
            {%- endfor %}
        from {{ model }}

    ),

    damaged as (

        {%- for rule in rules %}
        select
            '{{ rule.column }}' as column_name,
            '{{ rule.expected }}' as expected,
            failures_{{ loop.index }} as failures,
            example_{{ loop.index }} as example
        from counted
        where failures_{{ loop.index }} > 0
        {%- if not loop.last %}
        union all
        {%- endif %}
        {%- endfor %}

    )

    select
        {{ stop_with(
            "'" ~ model.schema ~ '.' ~ model.identifier ~ ": '", 'cast(failures as varchar)', "' values of '", 'column_name',
            "' are not '", 'expected', "', for example '''", 'example', "''''"
        ) }} as damage
    from damaged

{% endtest %}

{#-
    Every raw value can be read as what its column holds. One pass over the file checks all columns,
    and one sentence tells for each damaged one in how many rows it is, with an example.

    keys: columns of whole numbers that are written in one way alone; whole_numbers: {column:
    [lowest, highest]}; whole_days: the same, also written 15.0, or empty; accepted: {column:
    [values]}. The conditions stand in macros/raw_rules.sql.
-#}
{% test well_formed(model, keys=[], whole_numbers={}, whole_days={}, accepted={}) %}

    {#- counting the damage makes the engine spell it out, and so stop with the sentence -#}
    {{ config(fail_calc='count(damage)') }}

    {%- set rules = raw_value_rules(keys, whole_numbers, whole_days, accepted) -%}

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

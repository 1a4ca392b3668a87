{#-
    The median of a group as an aggregate: the middle value, or the mean of the middle two.
    `value_rank` is the value's row_number from 1 within the group, `values_in_group` how many there
    are; rows without a value have neither. The engines share no exact median function.
-#}
{% macro median(value, value_rank, values_in_group) -%}
    {%- set is_middle -%}
        2 * {{ value_rank }} between {{ values_in_group }} and {{ values_in_group }} + 2
    {%- endset -%}
    {{ safe_ratio(
        'sum(case when ' ~ is_middle ~ ' then ' ~ value ~ ' end)',
        'count(case when ' ~ is_middle ~ ' then ' ~ value ~ ' end)'
    ) }}
{%- endmacro %}

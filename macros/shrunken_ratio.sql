{% macro shrunken_ratio(numerator, denominator, own_numerator, own_denominator, strength) -%}
    {%- set own_n = 'cast(' ~ own_numerator ~ ' as double)' -%}
    {%- set own_d = 'cast(' ~ own_denominator ~ ' as double)' -%}
    {%- set shop_ratio = safe_ratio(
        'aisle_totals.shop_' ~ numerator, 'aisle_totals.shop_' ~ denominator
    ) -%}
    cast((
        cast(prd_features.prod_{{ numerator }} as double) - {{ own_n }}
        + cast({{ strength }} as double) * (
            (
                cast(aisle_totals.aisle_{{ numerator }} as double) - {{ own_n }}
                + cast(20 as double) * ({{ shop_ratio }})
            )
            / (cast(aisle_totals.aisle_{{ denominator }} as double) - {{ own_d }} + cast(20 as double))
        )
    )
    / (
        cast(prd_features.prod_{{ denominator }} as double) - {{ own_d }}
        + cast({{ strength }} as double)
    ) as real)
{%- endmacro %}

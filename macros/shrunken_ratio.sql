{#-
    A product's ratio among other shoppers, shrunk towards its aisle's, which is shrunk towards the
    shop's: the shopper's own share of numerator and denominator is taken out of both. `strength` is
    how many units of the denominator the aisle's ratio counts for; the shop's counts for 20 in the
    aisle's. Reads columns of aisle_totals.
-#}
{% macro shrunken_ratio(numerator, denominator, own_numerator, own_denominator, strength) -%}
    {%- set own_n = 'cast(' ~ own_numerator ~ ' as double)' -%}
    {%- set own_d = 'cast(' ~ own_denominator ~ ' as double)' -%}
    {%- set shop_ratio = safe_ratio(
        'aisle_totals.shop_' ~ numerator, 'aisle_totals.shop_' ~ denominator
    ) -%}
    (
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
    )
{%- endmacro %}

{#-
    1 if the binary number `bits` (up_order_bits) says that the shopper's n-th order from the last
    holds the product, else 0. n is 1 to 10; engines write bit operations differently, but not mod.
-#}
{% macro bought_back(bits, n) -%}
    case when mod({{ bits }}, {{ 2 ** n }}) >= {{ 2 ** (n - 1) }} then 1 else 0 end
{%- endmacro %}


{#- How many of the shopper's last n orders hold the product, n at most 10. -#}
{% macro bought_in_last(bits, n) -%}
    {%- for back in range(1, n + 1) -%}
        {{ bought_back(bits, back) }}{{ ' + ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}


{#- How many of the shopper's last orders in a row hold the product, at most 10. -#}
{% macro streak(bits) -%}
    case
    {%- for length in range(10, 0, -1) %}
        when mod({{ bits }}, {{ 2 ** length }}) = {{ 2 ** length - 1 }} then {{ length }}
    {%- endfor %}
        else 0
    end
{%- endmacro %}

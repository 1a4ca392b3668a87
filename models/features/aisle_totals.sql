{{ config(
    partitioned_by=['orders_back'],
    meta={'partition_values': window_numbers()}
) }}

{%- set totals = [
    'orders', 'reorders', 'first_orders', 'second_orders', 'cart_positions', 'opportunities',
    'next_order_reorders', 'next_order_opportunities', 'days_between'
] %}

with

prd_features as (

    select * from {{ ref('prd_features') }}

),

aisles as (

    select
        prod_aisle_id as aisle_id,
        {%- for total in totals %}
        cast(sum(prod_{{ total }}) as bigint) as aisle_{{ total }},
        {%- endfor %}
        orders_back
    from prd_features
    group by prod_aisle_id, orders_back

),

final as (

    select
        aisle_id,
        {%- for total in totals %}
        aisle_{{ total }},
        cast(sum(aisle_{{ total }}) over (partition by orders_back) as bigint)
            as shop_{{ total }},
        {%- endfor %}
        orders_back
    from aisles

)

select * from final

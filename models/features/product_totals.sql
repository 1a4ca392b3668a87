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
        prod_aisle_id,
        {%- for total in totals %}
        cast(sum(prod_{{ total }}) as bigint) as aisle_{{ total }},
        {%- endfor %}
        orders_back
    from prd_features
    group by prod_aisle_id, orders_back

),

shops as (

    select
        {%- for total in totals %}
        cast(sum(prod_{{ total }}) as bigint) as shop_{{ total }},
        {%- endfor %}
        orders_back
    from prd_features
    group by orders_back

),

final as (

    select
        prd_features.product_id,
        prd_features.prod_aisle_id,
        prd_features.prod_department_id,
        prd_features.prod_average_cart_position,
        {%- for total in totals %}
        prd_features.prod_{{ total }},
        aisles.aisle_{{ total }},
        shops.shop_{{ total }},
        {%- endfor %}
        prd_features.orders_back
    from prd_features
    inner join aisles
        on
            prd_features.prod_aisle_id = aisles.prod_aisle_id
            and prd_features.orders_back = aisles.orders_back
    inner join shops
        on prd_features.orders_back = shops.orders_back

)

select * from final

{{ config(
    partitioned_by=['orders_back'],
    meta={'partition_values': window_numbers()}
) }}

with

up_purchases as (

    select * from {{ ref('up_purchases') }}

),

products as (

    select * from {{ ref('stg_products') }}

),

final as (

    select
        up_purchases.user_id,
        products.aisle_id,
        products.department_id,
        cast(sum(up_purchases.up_orders) as bigint) as aisle_lines,
        min(up_purchases.up_orders_since_last_order) as aisle_orders_since_last_order,
        up_purchases.orders_back
    from up_purchases
    inner join products
        on up_purchases.product_id = products.product_id
    group by
        up_purchases.user_id,
        products.aisle_id,
        products.department_id,
        up_purchases.orders_back

)

select * from final

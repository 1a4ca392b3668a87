{{ config(
    partitioned_by=['orders_back'],
    meta={'partition_values': window_numbers()}
) }}

with

up_features as (

    select * from {{ ref('up_features') }}

),

products as (

    select * from {{ ref('stg_products') }}

),

final as (

    select
        up_features.user_id,
        products.aisle_id,
        cast(sum(up_features.up_orders) as bigint) as aisle_lines,
        count(*) as aisle_products,
        cast(sum(up_features.up_orders * products.is_organic) as bigint) as aisle_organic_lines,
        max(up_features.up_last_order) as aisle_last_order,
        up_features.orders_back
    from up_features
    inner join products
        on up_features.product_id = products.product_id
    group by up_features.user_id, products.aisle_id, up_features.orders_back

)

select * from final

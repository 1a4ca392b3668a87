{{ config(
    partitioned_by=['orders_back'],
    sorted_by=['user_id', 'aisle_id'],
    meta={'partition_values': window_numbers()}
) }}

with

up_features as (

    select * from {{ ref('up_features') }}

),

products as (

    select * from {{ ref('stg_products') }}

),

aisles as (

    select
        up_features.user_id,
        products.aisle_id,
        cast(sum(up_features.up_orders) as bigint) as aisle_lines,
        count(*) as aisle_products,
        max(up_features.up_last_order) as aisle_last_order,
        up_features.orders_back
    from up_features
    inner join products
        on up_features.product_id = products.product_id
    group by up_features.user_id, products.aisle_id, up_features.orders_back

),

final as (

    select
        user_id,
        aisle_id,
        aisle_lines,
        aisle_products,
        aisle_last_order,
        cast(row_number() over (
            partition by user_id, orders_back
            order by aisle_lines desc, aisle_products desc, aisle_id asc
        ) as integer) as aisle_place,
        orders_back
    from aisles

)

select * from final

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
        products.department_id,
        cast(sum(up_features.up_orders) as bigint) as department_lines,
        up_features.orders_back
    from up_features
    inner join products
        on up_features.product_id = products.product_id
    group by up_features.user_id, products.department_id, up_features.orders_back

)

select * from final

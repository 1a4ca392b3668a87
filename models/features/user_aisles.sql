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

aisles as (

    select
        up_features.user_id,
        products.aisle_id,
        products.department_id,
        cast(sum(up_features.up_orders) as bigint) as aisle_lines,
        count(*) as aisle_products,
        cast(sum(up_features.up_orders * products.is_organic) as bigint) as aisle_organic_lines,
        max(up_features.up_last_order) as aisle_last_order,
        up_features.orders_back
    from up_features
    inner join products
        on up_features.product_id = products.product_id
    group by
        up_features.user_id, products.aisle_id, products.department_id, up_features.orders_back

),

final as (

    select
        user_id,
        aisle_id,
        department_id,
        aisle_lines,
        aisle_products,
        aisle_organic_lines,
        aisle_last_order,
        cast(sum(aisle_lines) over (
            partition by user_id, department_id, orders_back
        ) as bigint) as department_lines,
        orders_back
    from aisles

)

select * from final

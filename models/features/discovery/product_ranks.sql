{{ config(
    partitioned_by=['orders_back'],
    meta={'partition_values': window_numbers()}
) }}

with

prd_features as (

    select * from {{ ref('prd_features') }}

),

products as (

    select * from {{ ref('stg_products') }}

),

user_features as (

    select * from {{ ref('user_features') }}

),

shoppers as (

    select
        orders_back,
        count(*) as shoppers
    from user_features
    group by orders_back

),

final as (

    select
        prd_features.product_id,
        products.aisle_id,
        products.department_id,
        prd_features.prod_orders,
        prd_features.prod_reorders,
        prd_features.prod_first_orders,
        prd_features.prod_second_orders,
        cast(row_number() over (
            partition by prd_features.orders_back
            order by
                prd_features.prod_first_orders desc,
                prd_features.prod_orders desc,
                prd_features.product_id asc
        ) as integer) as popularity_rank,
        cast(row_number() over (
            partition by prd_features.orders_back, products.aisle_id
            order by
                prd_features.prod_first_orders desc,
                prd_features.prod_orders desc,
                prd_features.product_id asc
        ) as integer) as aisle_rank,
        {{ safe_ratio('prd_features.prod_first_orders', 'shoppers.shoppers') }} as prod_buyer_share,
        prd_features.prod_is_organic,
        prd_features.orders_back
    from prd_features
    inner join products
        on prd_features.product_id = products.product_id
    inner join shoppers
        on prd_features.orders_back = shoppers.orders_back

)

select * from final

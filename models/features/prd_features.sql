{{ config(
    partitioned_by=['orders_back'],
    meta={'partition_values': window_numbers()}
) }}

with

up_features as (

    select * from {{ ref('up_features') }}

),

products as (

    select
        product_id,
        cast(sum(up_orders) as bigint) as prod_orders,
        cast(sum(up_reorders) as bigint) as prod_reorders,
        count(*) as prod_first_orders,
        cast(sum(case when up_orders >= 2 then 1 else 0 end) as bigint) as prod_second_orders,
        orders_back
    from up_features
    group by product_id, orders_back

),

final as (

    select
        product_id,
        prod_orders,
        prod_reorders,
        prod_first_orders,
        prod_second_orders,
        {{ safe_ratio('prod_second_orders', 'prod_first_orders') }} as prod_reorder_probability,
        cast(1 as double) + {{ safe_ratio('prod_reorders', 'prod_first_orders') }}
            as prod_reorder_times,
        {{ safe_ratio('prod_reorders', 'prod_orders') }} as prod_reorder_ratio,
        orders_back
    from products

)

select * from final

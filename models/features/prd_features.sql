{{ config(
    partitioned_by=['orders_back'],
    meta={'partition_values': window_numbers()}
) }}

with

up_features as (

    select * from {{ ref('up_features') }}

),

catalogue as (

    select * from {{ ref('stg_products') }}

),

products as (

    select
        product_id,
        cast(sum(up_orders) as bigint) as prod_orders,
        cast(sum(up_reorders) as bigint) as prod_reorders,
        count(*) as prod_first_orders,
        cast(sum(case when up_orders >= 2 then 1 else 0 end) as bigint) as prod_second_orders,
        cast(sum(up_cart_positions) as bigint) as prod_cart_positions,
        cast(sum(up_orders_since_first_order) as bigint) as prod_opportunities,
        -- every order with the product has a next one, but for the shopper's last
        cast(sum(up_orders - {{ bought_back('up_order_bits', 1) }}) as bigint)
            as prod_next_order_opportunities,
        cast(sum(up_next_order_reorders) as bigint) as prod_next_order_reorders,
        cast(sum(up_days_spanned) as bigint) as prod_days_between,
        count(case when up_orders_since_first_order >= 5 then 1 end) as tried_buyers,
        count(case when up_orders_since_first_order >= 5 and up_orders = 1 then 1 end)
            as one_shot_buyers,
        cast(sum({{ bought_in_last('up_order_bits', 5) }}) as bigint) as recent_orders,
        orders_back
    from up_features
    group by product_id, orders_back

),

final as (

    select
        products.product_id,
        products.prod_orders,
        products.prod_reorders,
        products.prod_first_orders,
        products.prod_second_orders,
        {{ safe_ratio('products.prod_second_orders', 'products.prod_first_orders') }}
            as prod_reorder_probability,
        cast(1 as double)
        + {{ safe_ratio('products.prod_reorders', 'products.prod_first_orders') }}
            as prod_reorder_times,
        {{ safe_ratio('products.prod_reorders', 'products.prod_orders') }} as prod_reorder_ratio,
        catalogue.aisle_id as prod_aisle_id,
        catalogue.department_id as prod_department_id,
        catalogue.is_organic as prod_is_organic,
        {{ safe_ratio('products.prod_cart_positions', 'products.prod_orders') }}
            as prod_average_cart_position,
        {{ safe_ratio('products.one_shot_buyers', 'products.tried_buyers') }}
            as prod_one_shot_ratio,
        {{ safe_ratio('products.prod_days_between', 'products.prod_reorders') }}
            as prod_mean_days_between,
        {{ safe_ratio('products.prod_reorders', 'products.prod_opportunities') }}
            as prod_reorders_per_opportunity,
        {{ safe_ratio(
            'products.prod_next_order_reorders', 'products.prod_next_order_opportunities'
        ) }} as prod_next_order_ratio,
        {{ safe_ratio('products.recent_orders', 'products.prod_orders') }}
            as prod_recent_order_ratio,
        products.prod_cart_positions,
        products.prod_opportunities,
        products.prod_next_order_reorders,
        products.prod_next_order_opportunities,
        products.prod_days_between,
        products.orders_back
    from products
    inner join catalogue
        on products.product_id = catalogue.product_id

)

select * from final

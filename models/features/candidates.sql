{{ config(
    partitioned_by=['orders_back'],
    meta={'partition_values': window_numbers(), 'sliced': true}
) }}

with

shoppers as (

    select * from {{ ref('shoppers') }}

),

target_lines as (

    select * from {{ ref('target_lines') }}

),

prd_features as (

    select * from {{ ref('prd_features') }}

),

up_features as (

    select * from {{ ref('up_features') }}

),

final as (

    select
        up_features.user_id,
        up_features.product_id,
        shoppers.user_orders,
        shoppers.user_period,
        shoppers.user_mean_days_since_prior,
        shoppers.user_total_products,
        shoppers.user_distinct_products,
        shoppers.user_reorder_ratio,
        up_features.up_orders,
        up_features.up_first_order,
        up_features.up_last_order,
        up_features.up_average_cart_position,
        prd_features.prod_orders,
        prd_features.prod_reorders,
        prd_features.prod_first_orders,
        prd_features.prod_second_orders,
        shoppers.eval_set,
        shoppers.order_id,
        shoppers.order_number,
        shoppers.order_dow,
        shoppers.order_hour_of_day,
        shoppers.days_since_prior_order,
        prd_features.prod_reorder_probability,
        prd_features.prod_reorder_times,
        prd_features.prod_reorder_ratio,
        shoppers.user_average_basket,
        {{ safe_ratio('up_features.up_orders', 'shoppers.user_orders') }} as up_order_rate,
        shoppers.user_orders - up_features.up_last_order as up_orders_since_last_order,
        {{ safe_ratio(
            'up_features.up_orders',
            '(shoppers.user_orders - up_features.up_first_order + 1)'
        ) }} as up_order_rate_since_first_order,
        shoppers.user_median_days_since_prior,
        shoppers.user_sd_days_since_prior,
        shoppers.user_last_days_since_prior,
        shoppers.user_last_days_over_median,
        shoppers.user_sd_basket,
        shoppers.user_last_basket,
        shoppers.user_basket_trend,
        shoppers.user_recent_reorder_ratio,
        shoppers.user_none_ratio,
        shoppers.user_orders_in_last_30_days,
        shoppers.user_mean_hour_of_day,
        shoppers.user_organic_ratio,
        prd_features.prod_aisle_id,
        prd_features.prod_department_id,
        prd_features.prod_is_organic,
        prd_features.prod_average_cart_position,
        prd_features.prod_one_shot_ratio,
        prd_features.prod_mean_days_between,
        prd_features.prod_reorders_per_opportunity,
        prd_features.prod_next_order_ratio,
        prd_features.prod_recent_order_ratio,
        up_features.prod_shrunk_reorder_probability,
        up_features.prod_shrunk_reorders_per_opportunity,
        up_features.prod_shrunk_next_order_ratio,
        up_features.prod_shrunk_days_between,
        up_features.prod_shrunk_cart_position,
        up_features.up_days_since_last_order,
        up_features.up_bought_1_back,
        up_features.up_bought_2_back,
        up_features.up_bought_3_back,
        up_features.up_bought_4_back,
        up_features.up_bought_5_back,
        up_features.up_orders_in_last_5,
        up_features.up_orders_in_last_10,
        up_features.up_streak,
        up_features.up_decayed_orders,
        up_features.up_decayed_days,
        up_features.up_decayed_order_rate,
        up_features.up_decayed_day_rate,
        up_features.up_mean_orders_between,
        up_features.up_max_orders_between,
        up_features.up_mean_days_between,
        up_features.up_median_days_between,
        up_features.up_max_days_between,
        up_features.up_overdue_orders,
        up_features.up_overdue_days,
        up_features.up_cart_position_difference,
        up_features.up_share_of_aisle,
        up_features.up_aisle_share,
        up_features.up_aisle_orders_since_last_order,
        up_features.up_orders_until_last_of_aisle,
        up_features.up_department_share,
        shoppers.ctx_user_days_over_median,
        shoppers.ctx_user_same_dow_rate,
        shoppers.ctx_user_near_hour_rate,
        up_features.up_days_since_last_order + shoppers.days_since_prior_order
            as ctx_up_days_since_last_order,
        {{ safe_ratio(
            '(up_features.up_days_since_last_order + shoppers.days_since_prior_order)',
            'up_features.up_mean_days_between'
        ) }} as ctx_up_overdue_days,
        up_features.ctx_up_same_dow_rate,
        up_features.ctx_up_near_hour_rate,
        case
            when target_lines.product_id is not null then 1 else shoppers.label_of_absent_product
        end as reordered,
        up_features.orders_back
    from up_features
    inner join shoppers
        on
            up_features.user_id = shoppers.user_id
            and up_features.orders_back = shoppers.orders_back
    -- a left join, though every product is there: joins then keep this order, while an optimizer
    -- that sees orders_back as a key of its own may multiply shoppers by products
    left join prd_features
        on
            up_features.product_id = prd_features.product_id
            and up_features.orders_back = prd_features.orders_back
    left join target_lines
        on
            up_features.user_id = target_lines.user_id
            and up_features.product_id = target_lines.product_id
            and up_features.orders_back = target_lines.orders_back

)

select * from final

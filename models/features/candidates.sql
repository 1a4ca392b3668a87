{{ config(
    partitioned_by=['orders_back'],
    meta={'partition_values': window_numbers(), 'sliced': true}
) }}

with

targets as (

    select * from {{ ref('target_features') }}

),

target_lines as (

    select * from {{ ref('target_lines') }}

),

prd_features as (

    select * from {{ ref('prd_features') }}

),

aisle_totals as (

    select * from {{ ref('aisle_totals') }}

),

user_aisles as (

    select * from {{ ref('user_aisles') }}

),

user_departments as (

    select * from {{ ref('user_departments') }}

),

pairs as (

    select
        *,
        up_last_order - up_first_order as orders_spanned,
        -- as in up_features, whose quotient is one column more to read than what it is made of
        {{ safe_ratio('up_cart_positions', 'up_orders') }} as mean_cart_position
    from {{ ref('up_features') }}

),

-- what only models read, in single precision anyway, is real: half of the bytes
final as (

    select
        pairs.user_id,
        pairs.product_id,
        targets.user_orders,
        targets.user_period,
        targets.user_mean_days_since_prior,
        targets.user_total_products,
        targets.user_distinct_products,
        targets.user_reorder_ratio,
        pairs.up_orders,
        pairs.up_first_order,
        pairs.up_last_order,
        pairs.mean_cart_position as up_average_cart_position,
        prd_features.prod_orders,
        prd_features.prod_reorders,
        prd_features.prod_first_orders,
        prd_features.prod_second_orders,
        targets.eval_set,
        targets.order_id,
        targets.order_number,
        targets.order_dow,
        targets.order_hour_of_day,
        targets.days_since_prior_order,
        cast(prd_features.prod_reorder_probability as real) as prod_reorder_probability,
        cast(prd_features.prod_reorder_times as real) as prod_reorder_times,
        cast(prd_features.prod_reorder_ratio as real) as prod_reorder_ratio,
        cast(targets.user_average_basket as real) as user_average_basket,
        {{ real_ratio('pairs.up_orders', 'targets.user_orders') }} as up_order_rate,
        targets.user_orders - pairs.up_last_order as up_orders_since_last_order,
        {{ real_ratio('pairs.up_orders', '(targets.user_orders - pairs.up_first_order + 1)') }}
            as up_order_rate_since_first_order,
        cast(targets.user_median_days_since_prior as real) as user_median_days_since_prior,
        cast(targets.user_sd_days_since_prior as real) as user_sd_days_since_prior,
        targets.user_last_days_since_prior,
        cast(targets.user_last_days_over_median as real) as user_last_days_over_median,
        cast(targets.user_sd_basket as real) as user_sd_basket,
        targets.user_last_basket,
        cast(targets.user_basket_trend as real) as user_basket_trend,
        cast(targets.user_recent_reorder_ratio as real) as user_recent_reorder_ratio,
        cast(targets.user_none_ratio as real) as user_none_ratio,
        targets.user_orders_in_last_30_days,
        cast(targets.user_mean_hour_of_day as real) as user_mean_hour_of_day,
        cast(targets.user_organic_ratio as real) as user_organic_ratio,
        prd_features.prod_aisle_id,
        prd_features.prod_department_id,
        prd_features.prod_is_organic,
        cast(prd_features.prod_average_cart_position as real) as prod_average_cart_position,
        cast(prd_features.prod_one_shot_ratio as real) as prod_one_shot_ratio,
        cast(prd_features.prod_mean_days_between as real) as prod_mean_days_between,
        cast(prd_features.prod_reorders_per_opportunity as real) as prod_reorders_per_opportunity,
        cast(prd_features.prod_next_order_ratio as real) as prod_next_order_ratio,
        cast(prd_features.prod_recent_order_ratio as real) as prod_recent_order_ratio,
        {{ shrunken_ratio(
            'second_orders', 'first_orders', 'case when pairs.up_orders >= 2 then 1 else 0 end', '1', 8
        ) }} as prod_shrunk_reorder_probability,
        {{ shrunken_ratio(
            'reorders', 'opportunities', 'pairs.up_reorders', 'pairs.up_orders_since_first_order', 24
        ) }} as prod_shrunk_reorders_per_opportunity,
        {{ shrunken_ratio(
            'next_order_reorders', 'next_order_opportunities', 'pairs.up_next_order_reorders',
            '(pairs.up_orders - ' ~ bought_back('pairs.up_order_bits', 1) ~ ')', 8
        ) }} as prod_shrunk_next_order_ratio,
        {{ shrunken_ratio(
            'days_between', 'reorders', 'pairs.up_days_spanned', 'pairs.up_reorders', 8
        ) }} as prod_shrunk_days_between,
        {{ shrunken_ratio(
            'cart_positions', 'orders', 'pairs.up_cart_positions', 'pairs.up_orders', 8
        ) }} as prod_shrunk_cart_position,
        pairs.up_days_since_last_order,
        {%- for back in range(1, 6) %}
        {{ bought_back('pairs.up_order_bits', back) }} as up_bought_{{ back }}_back,
        {%- endfor %}
        {{ bought_in_last('pairs.up_order_bits', 5) }} as up_orders_in_last_5,
        {{ bought_in_last('pairs.up_order_bits', 10) }} as up_orders_in_last_10,
        {{ streak('pairs.up_order_bits') }} as up_streak,
        {{ decayed('pairs.up_order_weight') }} as up_decayed_orders,
        {{ decayed('pairs.up_day_weight') }} as up_decayed_days,
        {{ real_ratio('pairs.up_order_weight', 'targets.user_order_weight') }}
            as up_decayed_order_rate,
        {{ real_ratio('pairs.up_day_weight', 'targets.user_day_weight') }} as up_decayed_day_rate,
        {{ real_ratio('pairs.orders_spanned', 'pairs.up_reorders') }} as up_mean_orders_between,
        pairs.up_max_orders_between,
        {{ real_ratio('pairs.up_days_spanned', 'pairs.up_reorders') }} as up_mean_days_between,
        cast(pairs.up_median_days_between as real) as up_median_days_between,
        pairs.up_max_days_between,
        -- the orders since the last one, and the order to come, over the mean distance
        {{ real_ratio(
            '(targets.user_orders - pairs.up_last_order + 1) * pairs.up_reorders',
            'pairs.orders_spanned'
        ) }} as up_overdue_orders,
        {{ real_ratio(
            'pairs.up_days_since_last_order * pairs.up_reorders', 'pairs.up_days_spanned'
        ) }} as up_overdue_days,
        cast(pairs.mean_cart_position - prd_features.prod_average_cart_position as real)
            as up_cart_position_difference,
        {{ real_ratio('pairs.up_orders', 'user_aisles.aisle_lines') }} as up_share_of_aisle,
        {{ real_ratio('user_aisles.aisle_lines', 'targets.user_total_products') }}
            as up_aisle_share,
        targets.user_orders - user_aisles.aisle_last_order as up_aisle_orders_since_last_order,
        user_aisles.aisle_last_order - pairs.up_last_order as up_orders_until_last_of_aisle,
        {{ real_ratio('user_departments.department_lines', 'targets.user_total_products') }}
            as up_department_share,
        cast(targets.ctx_user_days_over_median as real) as ctx_user_days_over_median,
        cast(targets.ctx_user_same_dow_rate as real) as ctx_user_same_dow_rate,
        cast(targets.ctx_user_near_hour_rate as real) as ctx_user_near_hour_rate,
        pairs.up_days_since_last_order + targets.days_since_prior_order
            as ctx_up_days_since_last_order,
        {{ real_ratio(
            '(pairs.up_days_since_last_order + targets.days_since_prior_order)',
            safe_ratio('pairs.up_days_spanned', 'pairs.up_reorders')
        ) }} as ctx_up_overdue_days,
        {{ real_ratio('pairs.ctx_up_target_dow_orders', 'pairs.up_orders') }}
            as ctx_up_same_dow_rate,
        {{ real_ratio('pairs.ctx_up_near_target_hour_orders', 'pairs.up_orders') }}
            as ctx_up_near_hour_rate,
        case
            when target_lines.product_id is not null then 1 else targets.label_of_absent_product
        end as reordered,
        pairs.orders_back
    from pairs
    inner join targets
        on
            pairs.user_id = targets.user_id
            and pairs.orders_back = targets.orders_back
    -- a left join, though every product is there: joins then keep this order, while an optimizer
    -- that sees orders_back as a key of its own may multiply shoppers by products
    left join prd_features
        on
            pairs.product_id = prd_features.product_id
            and pairs.orders_back = prd_features.orders_back
    left join aisle_totals
        on
            prd_features.prod_aisle_id = aisle_totals.aisle_id
            and pairs.orders_back = aisle_totals.orders_back
    left join user_aisles
        on
            pairs.user_id = user_aisles.user_id
            and prd_features.prod_aisle_id = user_aisles.aisle_id
            and pairs.orders_back = user_aisles.orders_back
    left join user_departments
        on
            pairs.user_id = user_departments.user_id
            and prd_features.prod_department_id = user_departments.department_id
            and pairs.orders_back = user_departments.orders_back
    left join target_lines
        on
            pairs.user_id = target_lines.user_id
            and pairs.product_id = target_lines.product_id
            and pairs.orders_back = target_lines.orders_back

)

select * from final

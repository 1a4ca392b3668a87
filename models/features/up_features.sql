{{ config(
    partitioned_by=['orders_back'],
    meta={'partition_values': window_numbers(), 'sliced': true}
) }}

with

up_purchases as (

    select
        *,
        up_days_since_first_order - up_days_since_last_order as days_between,
        up_last_order - up_first_order as orders_between,
        up_orders_since_last_order + up_last_order - up_first_order as opportunities
    from {{ ref('up_purchases') }}

),

up_intervals as (

    select * from {{ ref('up_intervals') }}

),

user_features as (

    select * from {{ ref('user_features') }}

),

user_aisles as (

    select * from {{ ref('user_aisles') }}

),

user_departments as (

    select
        user_id,
        department_id,
        cast(sum(aisle_lines) as bigint) as department_lines,
        orders_back
    from user_aisles
    group by user_id, department_id, orders_back

),

product_totals as (

    select * from {{ ref('product_totals') }}

),

final as (

    select
        up_purchases.user_id,
        up_purchases.product_id,
        up_purchases.up_orders,
        up_purchases.up_first_order,
        up_purchases.up_last_order,
        {{ safe_ratio('up_purchases.up_cart_positions', 'up_purchases.up_orders') }}
            as up_average_cart_position,
        up_purchases.up_reorders,
        up_purchases.up_days_since_last_order,
        {%- for back in range(1, 6) %}
        {{ bought_back('up_purchases.up_order_bits', back) }} as up_bought_{{ back }}_back,
        {%- endfor %}
        {{ bought_in_last('up_purchases.up_order_bits', 5) }} as up_orders_in_last_5,
        {{ bought_in_last('up_purchases.up_order_bits', 10) }} as up_orders_in_last_10,
        {{ streak('up_purchases.up_order_bits') }} as up_streak,
        {{ decayed('up_purchases.up_order_weight') }} as up_decayed_orders,
        {{ decayed('up_purchases.up_day_weight') }} as up_decayed_days,
        {{ safe_ratio('up_purchases.up_order_weight', 'user_features.user_order_weight') }}
            as up_decayed_order_rate,
        {{ safe_ratio('up_purchases.up_day_weight', 'user_features.user_day_weight') }}
            as up_decayed_day_rate,
        {{ safe_ratio('up_purchases.orders_between', 'up_purchases.up_reorders') }}
            as up_mean_orders_between,
        up_intervals.up_max_orders_between,
        {{ safe_ratio('up_purchases.days_between', 'up_purchases.up_reorders') }}
            as up_mean_days_between,
        up_intervals.up_median_days_between,
        up_intervals.up_max_days_between,
        -- the orders since the last one, and the order to come, over the mean distance
        {{ safe_ratio(
            '(up_purchases.up_orders_since_last_order + 1) * up_purchases.up_reorders',
            'up_purchases.orders_between'
        ) }} as up_overdue_orders,
        {{ safe_ratio(
            'up_purchases.up_days_since_last_order * up_purchases.up_reorders',
            'up_purchases.days_between'
        ) }} as up_overdue_days,
        {{ safe_ratio('up_purchases.up_cart_positions', 'up_purchases.up_orders') }}
        - product_totals.prod_average_cart_position as up_cart_position_difference,
        {{ safe_ratio('up_purchases.up_orders', 'user_aisles.aisle_lines') }}
            as up_share_of_aisle,
        {{ safe_ratio('user_aisles.aisle_lines', 'user_features.user_total_products') }}
            as up_aisle_share,
        user_aisles.aisle_orders_since_last_order as up_aisle_orders_since_last_order,
        up_purchases.up_orders_since_last_order - user_aisles.aisle_orders_since_last_order
            as up_orders_until_last_of_aisle,
        {{ safe_ratio('user_departments.department_lines', 'user_features.user_total_products') }}
            as up_department_share,
        {{ shrunken_ratio(
            'second_orders', 'first_orders',
            'case when up_purchases.up_orders >= 2 then 1 else 0 end', '1', 8
        ) }} as prod_shrunk_reorder_probability,
        {{ shrunken_ratio(
            'reorders', 'opportunities', 'up_purchases.up_reorders', 'up_purchases.opportunities', 24
        ) }} as prod_shrunk_reorders_per_opportunity,
        {{ shrunken_ratio(
            'next_order_reorders', 'next_order_opportunities',
            'coalesce(up_intervals.up_next_order_reorders, 0)',
            '(up_purchases.up_orders'
            ~ ' - case when up_purchases.up_orders_since_last_order = 0 then 1 else 0 end)', 8
        ) }} as prod_shrunk_next_order_ratio,
        {{ shrunken_ratio(
            'days_between', 'reorders', 'up_purchases.days_between', 'up_purchases.up_reorders', 8
        ) }} as prod_shrunk_days_between,
        {{ shrunken_ratio(
            'cart_positions', 'orders',
            'up_purchases.up_cart_positions', 'up_purchases.up_orders', 8
        ) }} as prod_shrunk_cart_position,
        {{ safe_ratio('up_purchases.ctx_up_target_dow_orders', 'up_purchases.up_orders') }}
            as ctx_up_same_dow_rate,
        {{ safe_ratio('up_purchases.ctx_up_near_target_hour_orders', 'up_purchases.up_orders') }}
            as ctx_up_near_hour_rate,
        up_purchases.orders_back
    from up_purchases
    -- left joins, though only intervals may be missing: joins then keep this order
    left join up_intervals
        on
            up_purchases.user_id = up_intervals.user_id
            and up_purchases.product_id = up_intervals.product_id
            and up_purchases.orders_back = up_intervals.orders_back
    left join product_totals
        on
            up_purchases.product_id = product_totals.product_id
            and up_purchases.orders_back = product_totals.orders_back
    left join user_features
        on
            up_purchases.user_id = user_features.user_id
            and up_purchases.orders_back = user_features.orders_back
    left join user_aisles
        on
            up_purchases.user_id = user_aisles.user_id
            and product_totals.prod_aisle_id = user_aisles.aisle_id
            and product_totals.prod_department_id = user_aisles.department_id
            and up_purchases.orders_back = user_aisles.orders_back
    left join user_departments
        on
            up_purchases.user_id = user_departments.user_id
            and product_totals.prod_department_id = user_departments.department_id
            and up_purchases.orders_back = user_departments.orders_back

)

select * from final

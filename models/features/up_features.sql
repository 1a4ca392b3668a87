{{ config(
    partitioned_by=['orders_back'],
    meta={
        'partition_values': window_numbers(),
        'sliced': true,
        'sorted_by': ['user_id', 'product_id']
    }
) }}

with

history_lines as (

    select * from {{ ref('history_lines') }}

),

purchases as (

    select
        *,
        order_number - lag(order_number) over (
            partition by user_id, product_id, orders_back
            order by order_number
        ) as orders_between,
        lag(days_ago) over (
            partition by user_id, product_id, orders_back
            order by order_number
        ) - days_ago as days_between
    from history_lines

),

pairs as (

    select
        user_id,
        product_id,
        count(*) as up_orders,
        min(order_number) as up_first_order,
        max(order_number) as up_last_order,
        {{ safe_ratio('sum(add_to_cart_order)', 'count(*)') }} as up_average_cart_position,
        cast(sum(reordered) as bigint) as up_reorders,
        cast(sum(add_to_cart_order) as bigint) as up_cart_positions,
        max(orders_ago) as up_orders_since_first_order,
        min(days_ago) as up_days_since_last_order,
        max(days_ago) - min(days_ago) as up_days_spanned,
        count(case when orders_between = 1 then 1 end) as up_next_order_reorders,
        max(orders_between) as up_max_orders_between,
        max(days_between) as up_max_days_between,
        {{ median('days_between') }} as up_median_days_between,
        cast(sum(order_weight) as bigint) as up_order_weight,
        cast(sum(day_weight) as bigint) as up_day_weight,
        -- the bits of different orders add up as in a binary number
        cast(sum(order_bit) as integer) as up_order_bits,
        cast(sum(ctx_is_target_dow) as bigint) as ctx_up_target_dow_orders,
        cast(sum(ctx_is_near_target_hour) as bigint) as ctx_up_near_target_hour_orders,
        orders_back
    from purchases
    group by user_id, product_id, orders_back

),

final as (

    select
        user_id,
        product_id,
        up_orders,
        up_first_order,
        up_last_order,
        up_average_cart_position,
        up_reorders,
        up_cart_positions,
        up_orders_since_first_order,
        up_days_since_last_order,
        up_days_spanned,
        up_next_order_reorders,
        up_max_orders_between,
        up_max_days_between,
        up_median_days_between,
        up_order_weight,
        up_day_weight,
        up_order_bits,
        ctx_up_target_dow_orders,
        ctx_up_near_target_hour_orders,
        -- the last step on purpose: Trino writes rows as a window leaves them, and a shopper's
        -- products of one order, side by side, are packed into a fifth less
        cast(row_number() over (
            partition by user_id, orders_back
            order by up_orders desc, up_last_order desc, product_id asc
        ) as integer) as up_place,
        orders_back
    from pairs

)

select * from final

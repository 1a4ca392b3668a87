{{ config(
    partitioned_by=['orders_back'],
    sorted_by=['user_id', 'product_id'],
    meta={'partition_values': window_numbers(), 'sliced': true}
) }}

with

history_lines as (

    select * from {{ ref('history_lines') }}

),

final as (

    select
        user_id,
        product_id,
        count(*) as up_orders,
        min(order_number) as up_first_order,
        max(order_number) as up_last_order,
        min(orders_ago) as up_orders_since_last_order,
        min(days_ago) as up_days_since_last_order,
        max(days_ago) as up_days_since_first_order,
        cast(sum(add_to_cart_order) as bigint) as up_cart_positions,
        cast(sum(reordered) as bigint) as up_reorders,
        cast(sum(order_weight) as bigint) as up_order_weight,
        cast(sum(day_weight) as bigint) as up_day_weight,
        -- the bits of different orders add up as in a binary number
        cast(sum(order_bit) as integer) as up_order_bits,
        cast(sum(ctx_is_target_dow) as bigint) as ctx_up_target_dow_orders,
        cast(sum(ctx_is_near_target_hour) as bigint) as ctx_up_near_target_hour_orders,
        orders_back
    from history_lines
    group by user_id, product_id, orders_back

)

select * from final

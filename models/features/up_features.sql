{{ config(
    partitioned_by=['orders_back'],
    sorted_by=['user_id', 'product_id'],
    meta={'partition_values': window_numbers()}
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
        {{ safe_ratio('sum(add_to_cart_order)', 'count(*)') }} as up_average_cart_position,
        cast(sum(reordered) as bigint) as up_reorders,
        orders_back
    from history_lines
    group by user_id, product_id, orders_back

)

select * from final

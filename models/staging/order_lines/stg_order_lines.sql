{{ config(
    materialized=by_load(),
    enabled=var('raw_shape') == 'order_lines',
    partitioned_by=['load_date'],
    incremental_strategy='insert_overwrite',
    on_schema_change='fail',
    post_hook="{{ check_loads() }}"
) }}

with

raw_lines as (

    {{ lines_to_read() | indent(4) }}

),

read_lines as (

    select
        *,
        {{ to_time('ordered_at') }} as read_time,
        {{ to_quantity('quantity') }} as read_quantity,
        {{ to_place('cart_position') }} as read_position
    from raw_lines

),

judged_lines as (

    select
        *,
        case
            when line_fault is not null then line_fault
            when not {{ is_key('order_id') }} then 'order_id is {{ what_is_no_key() }}'
            when user_id <> '' and not {{ is_key('user_id') }}
                then 'user_id is {{ what_is_no_key() }}'
            when not {{ is_key('product_id') }} then 'product_id is {{ what_is_no_key() }}'
            when read_time is null then 'ordered_at is no time'
            when quantity <> '' and read_quantity is null then 'quantity is no number'
            when cart_position <> '' and read_position is null
                then 'cart_position is no whole number up to 99999'
        end as line_reason
    from read_lines

),

-- an order is one shopper's; which one, nobody can tell
judged_orders as (

    select
        *,
        case
            when line_reason is not null then line_reason
            when
                min(case when line_reason is null and user_id <> '' then user_id end)
                    over (partition by load_date, order_id)
                <> max(case when line_reason is null and user_id <> '' then user_id end)
                    over (partition by load_date, order_id)
                then 'order_id has lines of several shoppers'
        end as reject_reason
    from judged_lines

),

final as (

    select
        case when reject_reason is null then {{ key_of('order_id', 63) }} end as order_id,
        case when reject_reason is null and user_id <> '' then {{ key_of('user_id') }} end
            as user_id,
        case when reject_reason is null then {{ key_of('product_id') }} end as product_id,
        {{ code_of('order_id') }} as order_code,
        {{ code_of('user_id') }} as user_code,
        {{ code_of('product_id') }} as product_code,
        read_time as ordered_at,
        case when length(ordered_at) > 10 then 1 else 0 end as has_hour,
        case when coalesce(read_quantity, 1) > 0 then 1 else 0 end as is_bought,
        read_position as cart_position,
        cast(reject_reason as varchar) as reject_reason,
        case
            when reject_reason is not null
                then concat_ws(
                    ',',
                    order_id,
                    user_id,
                    product_id,
                    ordered_at,
                    quantity,
                    cart_position
                )
        end as line_text,
        cast(file_name as varchar) as file_name,
        cast(load_identity as varchar) as load_identity,
        cast(load_bytes as bigint) as load_bytes,
        cast(first_read_at as timestamp) as first_read_at,
        cast(read_at as timestamp) as read_at,
        cast(load_date as varchar) as load_date
    from judged_orders

)

select * from final

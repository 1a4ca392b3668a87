{{ config(
    materialized=by_load(),
    enabled=var('raw_shape') == 'order_lines',
    partitioned_by=['load_date']
) }}

with

raw_lines as (

    select * from {{ source('loads', 'order_lines') }}

),

read_lines as (

    select
        *,
        {{ to_time('ordered_at') }} as read_time,
        try_cast(coalesce(nullif(quantity, ''), '1') as double) as read_quantity,
        try_cast(nullif(cart_position, '') as integer) as read_position
    from raw_lines

),

judged_lines as (

    select
        *,
        case
            when order_id = '' then 'order_id is empty'
            {%- if var('ids') != 'text' %}
            when not coalesce({{ is_whole_key('order_id') }}, false) then 'order_id is not a whole number'
            when user_id <> '' and not coalesce({{ is_whole_key('user_id') }}, false)
                then 'user_id is not a whole number'
            {%- endif %}
            when product_id = '' then 'product_id is empty'
            {%- if var('ids') != 'text' %}
            when not coalesce({{ is_whole_key('product_id') }}, false)
                then 'product_id is not a whole number'
            {%- endif %}
            when read_time is null then 'ordered_at is not a time'
            when read_quantity is null then 'quantity is not a number'
            when cart_position <> '' and (read_position is null or read_position < 0)
                then 'cart_position is not a whole number'
        end as reject_reason
    from read_lines

),

final as (

    select
        case when reject_reason is null then {{ key_of('order_id', 63) }} end as order_id,
        case when reject_reason is null and user_id <> '' then {{ key_of('user_id') }} end as user_id,
        case when reject_reason is null then {{ key_of('product_id') }} end as product_id,
        {{ code_of('order_id') }} as order_code,
        {{ code_of('user_id') }} as user_code,
        {{ code_of('product_id') }} as product_code,
        read_time as ordered_at,
        case when length(ordered_at) > 10 then 1 else 0 end as has_hour,
        case when read_quantity > 0 then 1 else 0 end as is_bought,
        read_position as cart_position,
        reject_reason,
        case when reject_reason is not null then line_text end as line_text,
        file_name,
        load_identity,
        cast(load_date as varchar) as load_date
    from judged_lines

)

select * from final

{{ config(enabled=var('raw_shape') == 'order_lines') }}

-- The newest load that names an order wins, whole: one row per product that is bought in it.
with

usable_lines as (

    select * from {{ ref('stg_order_lines') }}
    where reject_reason is null

),

newest_loads as (

    select
        order_id,
        max(load_date) as load_date
    from usable_lines
    group by order_id

),

final as (

    select
        usable_lines.order_id,
        usable_lines.product_id,
        min(usable_lines.user_id) as user_id,
        min(usable_lines.ordered_at) as ordered_at,
        min(usable_lines.has_hour) as has_hour,
        min(usable_lines.cart_position) as cart_position,
        min(usable_lines.order_code) as order_code,
        min(usable_lines.user_code) as user_code,
        min(usable_lines.product_code) as product_code,
        min(usable_lines.load_date) as load_date
    from usable_lines
    inner join newest_loads
        on
            usable_lines.order_id = newest_loads.order_id
            and usable_lines.load_date = newest_loads.load_date
    where
        usable_lines.is_bought = 1
        and usable_lines.user_id is not null
    group by usable_lines.order_id, usable_lines.product_id

)

select * from final

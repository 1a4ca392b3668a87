{{ config(enabled=var('raw_shape') == 'order_lines') }}

with

order_lines as (

    select * from {{ ref('stg_order_lines') }}

),

order_versions as (

    select
        order_id,
        load_date,
        max(case when user_id is not null then 1 else 0 end) as names_shopper,
        max(is_bought) as is_bought,
        case when cast(min(ordered_at) as date) < cast(load_date as date) then 1 else 0 end
            as is_late
    from order_lines
    where reject_reason is null
    group by order_id, load_date

),

numbered_versions as (

    select
        load_date,
        names_shopper,
        is_bought,
        is_late,
        row_number() over (partition by order_id order by load_date) as version_number
    from order_versions

),

orders as (

    select
        load_date,
        count(*) as orders,
        cast(sum(case when version_number = 1 and is_bought = 1 then 1 else 0 end) as bigint)
            as new_orders,
        cast(sum(case when version_number > 1 and is_bought = 1 then 1 else 0 end) as bigint)
            as replaced_orders,
        cast(sum(1 - is_bought) as bigint) as cancelled_orders,
        cast(sum(is_late) as bigint) as late_orders
    from numbered_versions
    where names_shopper = 1
    group by load_date

),

lines as (

    select
        load_date,
        count(distinct file_name) as files,
        max(load_bytes) as load_bytes,
        count(*) as order_lines,
        cast(sum(case when reject_reason is null and is_bought = 0 then 1 else 0 end) as bigint)
            as returned_lines,
        cast(sum(
            case when reject_reason is null and is_bought = 1 and user_id is null then 1 else 0 end
        ) as bigint) as anonymous_lines,
        count(reject_reason) as rejected_lines,
        min(first_read_at) as first_read_at,
        max(read_at) as last_read_at
    from order_lines
    group by load_date

),

final as (

    select
        lines.load_date,
        lines.files,
        lines.load_bytes,
        lines.order_lines,
        coalesce(orders.orders, 0) as orders,
        coalesce(orders.new_orders, 0) as new_orders,
        coalesce(orders.replaced_orders, 0) as replaced_orders,
        coalesce(orders.cancelled_orders, 0) as cancelled_orders,
        coalesce(orders.late_orders, 0) as late_orders,
        lines.returned_lines,
        lines.anonymous_lines,
        lines.rejected_lines,
        lines.first_read_at,
        lines.last_read_at
    from lines
    left join orders
        on lines.load_date = orders.load_date

)

select * from final

with

orders as (

    select * from {{ ref('stg_orders') }}

),

final as (

    select
        user_id,
        max(user_code) as user_code,
        max(ordered_at) as last_ordered_at,
        cast(date_diff('day', cast(max(ordered_at) as date), {{ newest_load() }}) as integer)
            as days_since_last_order
    from orders
    group by user_id

)

select * from final

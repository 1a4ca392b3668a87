{{ config(materialized='view') }}

with

orders as (

    select * from {{ ref('stg_orders') }}

),

user_windows as (

    select * from {{ ref('user_windows') }}

),

final as (

    select
        orders.user_id,
        orders.order_id,
        orders.order_number,
        orders.days_since_prior_order,
        user_windows.orders_back
    from orders
    inner join user_windows
        on
            orders.user_id = user_windows.user_id
            and orders.order_number < user_windows.target_order_number

)

select * from final

{{ config(
    partitioned_by=['orders_back'],
    meta={'partition_values': window_numbers()}
) }}

with

orders as (

    select * from {{ ref('order_facts') }}

),

user_windows as (

    select * from {{ ref('user_windows') }}

),

target_orders as (

    select * from {{ ref('target_orders') }}

),

decay_weights as (

    select * from {{ ref('decay_weights') }}

),

history as (

    select
        orders.user_id,
        orders.order_id,
        orders.order_number,
        orders.order_dow,
        orders.order_hour_of_day,
        orders.days_since_prior_order,
        orders.basket_size,
        orders.basket_reorders,
        user_windows.target_order_number - 1 - orders.order_number as orders_ago,
        max(orders.order_day) over (partition by orders.user_id, user_windows.orders_back)
        - orders.order_day as days_ago,
        user_windows.orders_back
    from orders
    inner join user_windows
        on
            orders.user_id = user_windows.user_id
            and orders.order_number < user_windows.target_order_number

),

final as (

    select
        history.user_id,
        history.order_id,
        history.order_number,
        history.order_hour_of_day,
        history.days_since_prior_order,
        history.basket_size,
        history.basket_reorders,
        history.orders_ago,
        history.days_ago,
        coalesce(order_weights.order_weight, 0) as order_weight,
        coalesce(day_weights.day_weight, 0) as day_weight,
        coalesce(order_weights.order_bit, 0) as order_bit,
        case
            when history.order_dow = target_orders.order_dow then 1
            when target_orders.order_dow is not null then 0
        end as ctx_is_target_dow,
        case
            when abs(history.order_hour_of_day - target_orders.order_hour_of_day) <= 2 then 1
            when abs(history.order_hour_of_day - target_orders.order_hour_of_day) >= 22 then 1
            when target_orders.order_hour_of_day is not null then 0
        end as ctx_is_near_target_hour,
        history.orders_back
    from history
    left join target_orders
        on
            history.user_id = target_orders.user_id
            and history.orders_back = target_orders.orders_back
    left join decay_weights as order_weights
        on history.orders_ago = order_weights.steps_ago
    left join decay_weights as day_weights
        on history.days_ago = day_weights.steps_ago

)

select * from final

{{ config(
    partitioned_by=['orders_back'],
    meta={'partition_values': window_numbers()}
) }}

with

orders as (

    select * from {{ ref('stg_orders') }}

),

user_windows as (

    select * from {{ ref('user_windows') }}

),

{% if var('longest_silence_days') -%}

-- of others no order is to come any more; what they bought still counts
expected_shoppers as (

    select user_id
    from {{ ref('shoppers') }}
    where coalesce(days_since_last_order, 0) <= {{ var('longest_silence_days') }}

),

{% endif -%}

known_orders as (

    select
        orders.user_id,
        orders.order_id,
        orders.eval_set,
        orders.order_number,
        orders.order_dow,
        orders.order_hour_of_day,
        orders.days_since_prior_order,
        user_windows.orders_back
    from user_windows
    inner join orders
        on
            user_windows.user_id = orders.user_id
            and user_windows.target_order_number = orders.order_number
    where
        -- an earlier order is an example only if at least two orders precede it
        (user_windows.orders_back >= 1 and user_windows.target_order_number >= 3)
        {%- if var('mode') == 'benchmark' %}
        or user_windows.orders_back = 0
        {%- endif %}

),

{%- if var('mode') == 'live' %}

orders_to_come as (

    select
        user_id,
        cast(null as bigint) as order_id,
        cast('live' as varchar) as eval_set,
        target_order_number as order_number,
        cast(null as integer) as order_dow,
        cast(null as integer) as order_hour_of_day,
        cast(null as integer) as days_since_prior_order,
        orders_back
    from user_windows
    where
        orders_back = 0
        {%- if var('longest_silence_days') %}
        and user_id in (select user_id from expected_shoppers)
        {%- endif %}

),

{%- endif %}

final as (

    select * from known_orders
    {%- if var('mode') == 'live' %}
    union all
    select * from orders_to_come
    {%- endif %}

)

select * from final

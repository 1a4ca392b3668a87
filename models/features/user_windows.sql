{{ config(
    partitioned_by=['orders_back'],
    meta={'partition_values': window_numbers()}
) }}

with

orders as (

    select * from {{ ref('stg_orders') }}

),

{% if var('longest_silence_days') -%}

-- of others no order is expected any more
expected_shoppers as (

    select user_id
    from {{ ref('shoppers') }}
    where coalesce(days_since_last_order, 0) <= {{ var('longest_silence_days') }}

),

{% endif -%}

next_orders as (

    select
        user_id,
        {% if var('mode') == 'live' -%}
        max(case when eval_set <> 'test' then order_number end) + 1
        {%- else -%}
        -- a shopper with neither a train nor a test order has no order to predict, yet a history
        coalesce(max(case when eval_set <> 'prior' then order_number end), max(order_number) + 1)
        {%- endif %}
            as next_order_number
    from orders
    group by user_id

),

windows as (

    {%- for orders_back in window_numbers() %}
    select {{ orders_back }} as orders_back
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}

),

target_windows as (

    select
        next_orders.user_id,
        cast(next_orders.next_order_number - windows.orders_back as integer)
            as target_order_number,
        cast(windows.orders_back as integer) as orders_back
    from next_orders
    cross join windows
    where
        next_orders.next_order_number - windows.orders_back > 1
        or (windows.orders_back = 0 and next_orders.next_order_number = 1)

),

final as (

    select * from target_windows
    {% if var('longest_silence_days') -%}
    where orders_back > 0 or user_id in (select user_id from expected_shoppers)
    {%- endif %}

)

select * from final

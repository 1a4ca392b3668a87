{{ config(
    partitioned_by=['orders_back'],
    meta={'partition_values': window_numbers()}
) }}

with

orders as (

    select * from {{ ref('stg_orders') }}

),

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

final as (

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

)

select * from final

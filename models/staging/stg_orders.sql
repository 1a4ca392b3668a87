{{ config(
    partitioned_by=['eval_set'],
    meta={'partition_values': ['prior', 'train', 'test']}
) }}

with

{% if var('raw_shape') == 'order_lines' -%}

order_lines as (

    select * from {{ ref('current_order_lines') }}

),

orders as (

    select
        order_id,
        min(user_id) as user_id,
        min(ordered_at) as ordered_at,
        min(has_hour) as has_hour,
        min(user_code) as user_code
    from order_lines
    group by order_id

),

numbered_orders as (

    select
        order_id,
        user_id,
        ordered_at,
        has_hour,
        user_code,
        row_number() over (partition by user_id order by ordered_at, order_id) as order_number,
        lag(cast(ordered_at as date)) over (partition by user_id order by ordered_at, order_id)
            as prior_date
    from orders

),

final as (

    select
        order_id,
        user_id,
        cast(order_number as integer) as order_number,
        -- 0 is Saturday, as in Instacart's files; the first is before any date that is read
        cast(mod(date_diff('day', date '1899-12-30', cast(ordered_at as date)), 7) as integer)
            as order_dow,
        case when has_hour = 1 then cast(extract(hour from ordered_at) as integer) end
            as order_hour_of_day,
        cast(date_diff('day', prior_date, cast(ordered_at as date)) as integer)
            as days_since_prior_order,
        ordered_at,
        user_code,
        cast('prior' as varchar) as eval_set
    from numbered_orders

)

{%- else -%}

raw_orders as (

    select * from {{ source('raw', 'orders') }}

),

final as (

    select
        cast(order_id as bigint) as order_id,
        cast(user_id as bigint) as user_id,
        cast(order_number as integer) as order_number,
        cast(order_dow as integer) as order_dow,
        cast(order_hour_of_day as integer) as order_hour_of_day,
        -- Trino casts neither '' nor '15.0' to an integer
        cast(cast(nullif(days_since_prior_order, '') as double) as integer)
            as days_since_prior_order,
        cast(null as timestamp) as ordered_at,
        cast(null as varchar) as user_code,
        cast(eval_set as varchar) as eval_set
    from raw_orders

)

{%- endif %}

select * from final

{{ config(
    partitioned_by=['eval_set'],
    meta={'partition_values': ['prior', 'train', 'test']}
) }}

with

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
        cast(eval_set as varchar) as eval_set
    from raw_orders

)

select * from final

{{ config(
    partitioned_by=['orders_back'],
    meta={'partition_values': window_numbers(), 'sliced': true}
) }}

with

history_lines as (

    select * from {{ ref('history_lines') }}

),

purchases as (

    select
        user_id,
        product_id,
        order_number - lag(order_number) over (
            partition by user_id, product_id, orders_back
            order by order_number
        ) as orders_between,
        order_day - lag(order_day) over (
            partition by user_id, product_id, orders_back
            order by order_number
        ) as days_between,
        order_number,
        orders_back
    from history_lines

),

ranked as (

    select
        user_id,
        product_id,
        orders_between,
        days_between,
        row_number() over (
            partition by user_id, product_id, orders_back
            order by days_between, order_number
        ) as interval_rank,
        count(*) over (partition by user_id, product_id, orders_back) as intervals,
        orders_back
    from purchases
    where orders_between is not null

),

final as (

    select
        user_id,
        product_id,
        count(case when orders_between = 1 then 1 end) as up_next_order_reorders,
        max(orders_between) as up_max_orders_between,
        max(days_between) as up_max_days_between,
        {{ median('days_between', 'interval_rank', 'intervals') }} as up_median_days_between,
        orders_back
    from ranked
    group by user_id, product_id, orders_back

)

select * from final

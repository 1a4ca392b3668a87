{{ config(
    partitioned_by=['orders_back'],
    meta={
        'partition_values': window_numbers(),
        'sorted_by': ['user_id']
    }
) }}

{#- more shoppers to learn from take memory and change the scores little -#}
{%- set most_sampled = 10000 -%}

with

target_orders as (

    select * from {{ ref('target_orders') }}

),

user_features as (

    select * from {{ ref('user_features') }}

),

users as (

    select distinct user_id from target_orders

),

-- shuffled by a fixed rule, so that neither old nor new shoppers come first
shuffled as (

    select
        user_id,
        row_number() over (order by mod(mod(user_id, 65536) * 40503, 65536), user_id) as place
    from users

),

final as (

    select
        target_orders.user_id,
        case when shuffled.place <= {{ most_sampled }} then 1 else 0 end as is_sampled,
        user_features.user_orders,
        user_features.user_total_products,
        user_features.user_organic_ratio,
        target_orders.orders_back
    from target_orders
    inner join shuffled
        on target_orders.user_id = shuffled.user_id
    left join user_features
        on
            target_orders.user_id = user_features.user_id
            and target_orders.orders_back = user_features.orders_back
    where target_orders.orders_back = 0 or shuffled.place <= {{ most_sampled }}

)

select * from final

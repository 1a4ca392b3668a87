{{ config(
    partitioned_by=['orders_back'],
    meta={
        'partition_values': window_numbers(),
        'sorted_by': ['user_id', 'aisle_id']
    }
) }}

with

user_aisles as (

    select * from {{ ref('user_aisles') }}

),

discovery_users as (

    select * from {{ ref('discovery_users') }}

),

aisles as (

    select * from user_aisles
    where
        exists (
            select 1 from discovery_users
            where
                discovery_users.user_id = user_aisles.user_id
                and discovery_users.orders_back = user_aisles.orders_back
        )

),

final as (

    select
        user_id,
        aisle_id,
        aisle_lines,
        aisle_products,
        aisle_last_order,
        cast(row_number() over (
            partition by user_id, orders_back
            order by aisle_lines desc, aisle_products desc, aisle_id asc
        ) as integer) as aisle_place,
        orders_back
    from aisles

)

select * from final

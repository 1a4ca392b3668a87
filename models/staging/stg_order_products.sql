{{ config(
    partitioned_by=['eval_set'],
    meta={'partition_values': ['prior', 'train']}
) }}

with

{% if var('raw_shape') == 'order_lines' -%}

order_lines as (

    select * from {{ ref('current_order_lines') }}

),

orders as (

    select * from {{ ref('stg_orders') }}

),

final as (

    select
        order_lines.order_id,
        order_lines.product_id,
        -- without a place in the cart: a shuffle that is the same everywhere and tells nothing
        cast(row_number() over (
            partition by order_lines.order_id
            order by
                coalesce(order_lines.cart_position, 2147483647),
                {{ md5_text(
                    "cast(order_lines.order_id as varchar) || ' '"
                    ~ " || cast(order_lines.product_id as varchar)"
                ) }},
                order_lines.product_id
        ) as integer) as add_to_cart_order,
        case
            when row_number() over (
                partition by orders.user_id, order_lines.product_id order by orders.order_number
            ) > 1 then 1
            else 0
        end as reordered,
        orders.eval_set
    from order_lines
    inner join orders
        on order_lines.order_id = orders.order_id

)

{%- else -%}

prior_lines as (

    select * from {{ source('raw', 'order_products__prior') }}

),

train_lines as (

    select * from {{ source('raw', 'order_products__train') }}

),

all_lines as (

    select
        order_id,
        product_id,
        add_to_cart_order,
        reordered,
        'prior' as eval_set
    from prior_lines
    union all
    select
        order_id,
        product_id,
        add_to_cart_order,
        reordered,
        'train' as eval_set
    from train_lines

),

final as (

    select
        cast(order_id as bigint) as order_id,
        cast(product_id as bigint) as product_id,
        cast(add_to_cart_order as integer) as add_to_cart_order,
        cast(reordered as integer) as reordered,
        cast(eval_set as varchar) as eval_set
    from all_lines

)

{%- endif %}

select * from final

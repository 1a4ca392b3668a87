{{ config(
    partitioned_by=['eval_set'],
    meta={'partition_values': ['prior', 'train']}
) }}

with

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

select * from final

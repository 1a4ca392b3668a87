{{ config(enabled=var('raw_shape') == 'order_lines') }}

with

order_lines as (

    select * from {{ ref('stg_order_lines') }}

),

product_lines as (

    select * from {{ ref('stg_product_lines') }}

),

final as (

    select
        load_date,
        file_name,
        line_text,
        reject_reason
    from order_lines
    where reject_reason is not null
    union all
    select
        cast(null as varchar) as load_date,
        file_name,
        line_text,
        reject_reason
    from product_lines
    where reject_reason is not null

)

select * from final

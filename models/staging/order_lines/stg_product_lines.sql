{{ config(
    enabled=var('raw_shape') == 'order_lines',
    post_hook="{{ check_products() }}"
) }}

with

raw_products as (

    {{ products_to_read() | indent(4) }}

),

judged_lines as (

    select
        *,
        case
            when line_fault is not null then line_fault
            when not {{ is_key('product_id') }} then 'product_id is {{ what_is_no_key() }}'
            when row_number() over (
                partition by product_id order by product_name, aisle, department
            ) > 1 then 'product_id is listed before'
        end as reject_reason
    from raw_products

),

final as (

    select
        case when reject_reason is null then {{ key_of('product_id') }} end as product_id,
        {{ code_of('product_id') }} as product_code,
        {{ clean_name('product_name') }} as product_name,
        coalesce(nullif({{ clean_name('aisle') }}, ''), 'missing') as aisle_name,
        coalesce(nullif({{ clean_name('department') }}, ''), 'missing') as department_name,
        cast(reject_reason as varchar) as reject_reason,
        case
            when reject_reason is not null
                then concat_ws(',', product_id, product_name, aisle, department)
        end as line_text,
        cast(file_name as varchar) as file_name
    from judged_lines

)

select * from final

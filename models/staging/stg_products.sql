{{ config(post_hook="{{ say_unlisted_products() }}") }}

with

{% if var('raw_shape') == 'order_lines' -%}

product_lines as (

    select * from {{ ref('stg_product_lines') }}
    where reject_reason is null

),

order_lines as (

    select * from {{ ref('current_order_lines') }}

),

unlisted as (

    select
        order_lines.product_id,
        min(order_lines.product_code) as product_code
    from order_lines
    left join product_lines
        on order_lines.product_id = product_lines.product_id
    where product_lines.product_id is null
    group by order_lines.product_id

),

products as (

    select
        product_id,
        {{ hashed_key('aisle_name') }} as aisle_id,
        {{ hashed_key('department_name') }} as department_id,
        product_name,
        product_code
    from product_lines
    union all
    select
        product_id,
        {{ hashed_key("'missing'") }} as aisle_id,
        {{ hashed_key("'missing'") }} as department_id,
        coalesce(product_code, cast(product_id as varchar)) as product_name,
        product_code
    from unlisted

),

{%- else -%}

raw_products as (

    select * from {{ source('raw', 'products') }}

),

products as (

    select
        cast(product_id as bigint) as product_id,
        cast(aisle_id as bigint) as aisle_id,
        cast(department_id as bigint) as department_id,
        {{ clean_name('product_name') }} as product_name,
        cast(null as varchar) as product_code
    from raw_products

),

{%- endif %}

final as (

    select
        product_id,
        aisle_id,
        department_id,
        product_name,
        case when strpos(lower(product_name), 'organic') > 0 then 1 else 0 end as is_organic,
        product_code
    from products

)

select * from final

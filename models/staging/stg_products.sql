with

{% if var('raw_shape') == 'order_lines' -%}

raw_products as (

    select * from {{ source('loads', 'products') }}

),

order_lines as (

    select * from {{ ref('current_order_lines') }}

),

listed as (

    select
        {{ key_of('product_id') }} as product_id,
        min(product_id) as product_code,
        min(product_name) as product_name,
        min(coalesce(nullif(aisle, ''), 'missing')) as aisle,
        min(coalesce(nullif(department, ''), 'missing')) as department
    from raw_products
    group by {{ key_of('product_id') }}

),

unlisted as (

    select
        order_lines.product_id,
        coalesce(min(order_lines.product_code), cast(order_lines.product_id as varchar)) as product_code
    from order_lines
    left join listed
        on order_lines.product_id = listed.product_id
    where listed.product_id is null
    group by order_lines.product_id

),

products as (

    select
        product_id,
        {{ hashed_key('aisle') }} as aisle_id,
        {{ hashed_key('department') }} as department_id,
        {{ clean_name('product_name') }} as product_name
    from listed
    union all
    select
        product_id,
        {{ hashed_key("'missing'") }} as aisle_id,
        {{ hashed_key("'missing'") }} as department_id,
        product_code as product_name
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
        {{ clean_name('product_name') }} as product_name
    from raw_products

),

{%- endif %}

final as (

    select
        product_id,
        aisle_id,
        department_id,
        product_name,
        case when strpos(lower(product_name), 'organic') > 0 then 1 else 0 end as is_organic
    from products

)

select * from final

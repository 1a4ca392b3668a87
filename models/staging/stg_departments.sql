with

{% if var('raw_shape') == 'order_lines' -%}

raw_products as (

    select * from {{ source('loads', 'products') }}

),

names as (

    select coalesce(nullif(department, ''), 'missing') as department
    from raw_products
    union
    select cast('missing' as varchar) as department

),

final as (

    select
        {{ hashed_key('department') }} as department_id,
        {{ clean_name('department') }} as department_name
    from names

)

{%- else -%}

raw_departments as (

    select * from {{ source('raw', 'departments') }}

),

final as (

    select
        cast(department_id as bigint) as department_id,
        {{ clean_name('department') }} as department_name
    from raw_departments

)

{%- endif %}

select * from final

with

{% if var('raw_shape') == 'order_lines' -%}

product_lines as (

    select * from {{ ref('stg_product_lines') }}

),

names as (

    select department_name
    from product_lines
    where reject_reason is null
    union
    select cast('missing' as varchar) as department_name

),

final as (

    select
        {{ hashed_key('department_name') }} as department_id,
        department_name
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

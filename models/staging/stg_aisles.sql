with

{% if var('raw_shape') == 'order_lines' -%}

product_lines as (

    select * from {{ ref('stg_product_lines') }}

),

names as (

    select aisle_name
    from product_lines
    where reject_reason is null
    union
    select cast('missing' as varchar) as aisle_name

),

final as (

    select
        {{ hashed_key('aisle_name') }} as aisle_id,
        aisle_name
    from names

)

{%- else -%}

raw_aisles as (

    select * from {{ source('raw', 'aisles') }}

),

final as (

    select
        cast(aisle_id as bigint) as aisle_id,
        {{ clean_name('aisle') }} as aisle_name
    from raw_aisles

)

{%- endif %}

select * from final

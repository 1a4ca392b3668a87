with

{% if var('raw_shape') == 'order_lines' -%}

raw_products as (

    select * from {{ source('loads', 'products') }}

),

names as (

    select coalesce(nullif(aisle, ''), 'missing') as aisle
    from raw_products
    union
    select cast('missing' as varchar) as aisle

),

final as (

    select
        {{ hashed_key('aisle') }} as aisle_id,
        {{ clean_name('aisle') }} as aisle_name
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

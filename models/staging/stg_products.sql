with

raw_products as (

    select * from {{ source('raw', 'products') }}

),

final as (

    select
        cast(product_id as bigint) as product_id,
        cast(aisle_id as bigint) as aisle_id,
        cast(department_id as bigint) as department_id,
        {{ clean_name('product_name') }} as product_name
    from raw_products

)

select * from final

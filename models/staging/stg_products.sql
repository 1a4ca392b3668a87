with

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

with

catalogue as (

    select * from {{ ref('stg_products') }}

),

aisles as (

    select * from {{ ref('stg_aisles') }}

),

departments as (

    select * from {{ ref('stg_departments') }}

),

final as (

    select
        catalogue.product_id,
        catalogue.product_name,
        catalogue.aisle_id,
        aisles.aisle_name,
        catalogue.department_id,
        departments.department_name,
        catalogue.product_code
    from catalogue
    left join aisles
        on catalogue.aisle_id = aisles.aisle_id
    left join departments
        on catalogue.department_id = departments.department_id

)

select * from final

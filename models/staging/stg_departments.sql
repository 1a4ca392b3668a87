with

raw_departments as (

    select * from {{ source('raw', 'departments') }}

),

final as (

    select
        cast(department_id as bigint) as department_id,
        {{ clean_name('department') }} as department_name
    from raw_departments

)

select * from final

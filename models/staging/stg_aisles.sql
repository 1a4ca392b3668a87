with

raw_aisles as (

    select * from {{ source('raw', 'aisles') }}

),

final as (

    select
        cast(aisle_id as bigint) as aisle_id,
        {{ clean_name('aisle') }} as aisle_name
    from raw_aisles

)

select * from final

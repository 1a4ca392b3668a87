with

recommendations as (

    select * from {{ source('predictions', 'recommendations') }}

),

final as (

    select
        user_id,
        rank as recommendation_rank,
        product_id,
        score,
        reason,
        model_version,
        predicted_at
    from recommendations

)

select * from final

{{ config(post_hook="{{ say_useless_recommendations() }}") }}

with

recommendations as (

    select * from {{ source('predictions', 'latest') }}
    where task = 'discovery'

),

products as (

    select product_id from {{ ref('stg_products') }}

),

users as (

    select user_id from {{ ref('stg_orders') }}
    group by user_id

),

-- they were made from the files of an earlier build, perhaps of another shop
useless as (

    select count(*) as recommendations
    from recommendations
    left join products
        on recommendations.product_id = products.product_id
    left join users
        on recommendations.user_id = users.user_id
    where
        products.product_id is null
        or users.user_id is null
        or not coalesce(recommendations.rank >= 1, false)
        or not coalesce(recommendations.score between 0 and 1, false)
        or recommendations.reason is null
        or recommendations.model_version is null
        or recommendations.predicted_at is null

),

final as (

    select
        recommendations.user_id,
        recommendations.rank as recommendation_rank,
        recommendations.product_id,
        recommendations.score,
        recommendations.reason,
        recommendations.model_version,
        recommendations.predicted_at
    from recommendations
    cross join useless
    where useless.recommendations = 0

)

select * from final

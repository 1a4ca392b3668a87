{{ config(
    partitioned_by=['orders_back'],
    sorted_by=['user_id', 'product_id'],
    meta={'partition_values': window_numbers(), 'sliced': true}
) }}

{#-
    Rows per shopper and window: at most 60 popular, 8 * 5 of the aisles and 40 bought together, 140.
    At Instacart's size that is at most 29 million rows for 206,209 shoppers in window 0, and 1.4
    million in each of the others for the 10,000 who are learnt from.
-#}
{%- set most_popular = 60 -%}
{%- set aisles_per_shopper = 8 -%}
{%- set products_per_aisle = 5 -%}

with

shoppers as (

    select * from {{ ref('discovery_shoppers') }}

),

product_ranks as (

    select * from {{ ref('product_ranks') }}

),

shopper_aisles as (

    select * from {{ ref('shopper_aisles') }}

),

together as (

    select * from {{ ref('discovery_together') }}

),

up_features as (

    select * from {{ ref('up_features') }}

),

popular as (

    select
        shoppers.user_id,
        product_ranks.product_id,
        shoppers.orders_back
    from shoppers
    inner join product_ranks
        on shoppers.orders_back = product_ranks.orders_back
    where product_ranks.popularity_rank <= {{ most_popular }}

),

in_own_aisles as (

    select
        shopper_aisles.user_id,
        product_ranks.product_id,
        shopper_aisles.orders_back
    from shopper_aisles
    inner join shoppers
        on
            shopper_aisles.user_id = shoppers.user_id
            and shopper_aisles.orders_back = shoppers.orders_back
    inner join product_ranks
        on
            shopper_aisles.aisle_id = product_ranks.aisle_id
            and shopper_aisles.orders_back = product_ranks.orders_back
    where
        shopper_aisles.aisle_place <= {{ aisles_per_shopper }}
        and product_ranks.aisle_rank <= {{ products_per_aisle }}

),

pairs as (

    select * from popular
    union
    select * from in_own_aisles
    union
    select
        user_id,
        product_id,
        orders_back
    from together

),

final as (

    select
        pairs.user_id,
        pairs.product_id,
        product_ranks.popularity_rank,
        product_ranks.aisle_rank,
        shopper_aisles.aisle_place,
        together.together_rank,
        together.together_score,
        together.together_products,
        together.together_with_product_id,
        pairs.orders_back
    from pairs
    inner join product_ranks
        on
            pairs.product_id = product_ranks.product_id
            and pairs.orders_back = product_ranks.orders_back
    left join shopper_aisles
        on
            pairs.user_id = shopper_aisles.user_id
            and product_ranks.aisle_id = shopper_aisles.aisle_id
            and pairs.orders_back = shopper_aisles.orders_back
    left join together
        on
            pairs.user_id = together.user_id
            and pairs.product_id = together.product_id
            and pairs.orders_back = together.orders_back
    left join up_features
        on
            pairs.user_id = up_features.user_id
            and pairs.product_id = up_features.product_id
            and pairs.orders_back = up_features.orders_back
    where up_features.product_id is null

)

select * from final

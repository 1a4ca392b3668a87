{{ config(
    partitioned_by=['orders_back'],
    meta={
        'partition_values': window_numbers(),
        'sliced': true,
        'sorted_by': ['user_id', 'product_id']
    }
) }}

{#-
    Rows per shopper and window: at most 60 popular, 8 * 5 of the aisles and 40 bought together (of at
    most 20 * 10 met), 140. At Instacart's size that is at most 29 million rows for 206,209 shoppers
    in window 0, and 1.4 million in each of the others for the 10,000 who are learnt from.
-#}
{%- set most_popular = 60 -%}
{%- set aisles_per_user = 8 -%}
{%- set products_per_aisle = 5 -%}
{%- set own_products = 20 -%}
{%- set neighbours_per_product = 10 -%}
{%- set most_together = 40 -%}
{#- sums must not depend on the order of adding: confidences are added in whole billionths -#}
{%- set unit = 1000000000 -%}

with

-- looked up by exists: by a join, an engine may meet every shopper with every product first
discovery_users as (

    select * from {{ ref('discovery_users') }}

),

product_ranks as (

    select * from {{ ref('product_ranks') }}

),

user_aisle_ranks as (

    select * from {{ ref('user_aisle_ranks') }}

),

up_features as (

    select * from {{ ref('up_features') }}

),

-- a product's likeliest neighbours, and itself with rank 0: so one pass over the own products finds
-- what is bought together with them and what is no discovery
neighbours as (

    select
        product_id,
        neighbour_id,
        confidence_rank,
        cast(floor(shrunk_confidence * cast({{ unit }} as double)) as bigint) as confidence_units,
        orders_back
    from {{ ref('product_neighbours') }}
    where confidence_rank <= {{ neighbours_per_product }}
    union all
    select
        product_id,
        product_id as neighbour_id,
        0 as confidence_rank,
        0 as confidence_units,
        orders_back
    from product_ranks

),

met as (

    select
        up_features.user_id,
        neighbours.neighbour_id as product_id,
        max(case when neighbours.confidence_rank = 0 then 1 else 0 end) as is_own,
        cast(sum(neighbours.confidence_units) as bigint) as together_units,
        count(*) as together_products,
        -- the nearest own product; of equally near ones that which is bought more often
        max_by(
            up_features.product_id,
            neighbours.confidence_units * {{ own_products }}
            + {{ own_products }} - up_features.up_place
        ) as together_with_product_id,
        up_features.orders_back
    from up_features
    inner join neighbours
        on
            up_features.product_id = neighbours.product_id
            and up_features.orders_back = neighbours.orders_back
    where
        (neighbours.confidence_rank = 0 or up_features.up_place <= {{ own_products }})
        and exists (
            select 1 from discovery_users
            where
                discovery_users.user_id = up_features.user_id
                and discovery_users.orders_back = up_features.orders_back
        )
    group by up_features.user_id, neighbours.neighbour_id, up_features.orders_back

),

met_ranked as (

    select
        *,
        cast(row_number() over (
            partition by user_id, is_own, orders_back
            order by together_units desc, product_id asc
        ) as integer) as together_rank
    from met

),

together as (

    select * from met_ranked
    where is_own = 1 or together_rank <= {{ most_together }}

),

popular as (

    select
        discovery_users.user_id,
        product_ranks.product_id,
        discovery_users.orders_back
    from discovery_users
    inner join product_ranks
        on discovery_users.orders_back = product_ranks.orders_back
    where product_ranks.popularity_rank <= {{ most_popular }}
    union
    select
        user_aisle_ranks.user_id,
        product_ranks.product_id,
        user_aisle_ranks.orders_back
    from user_aisle_ranks
    inner join product_ranks
        on
            user_aisle_ranks.aisle_id = product_ranks.aisle_id
            and user_aisle_ranks.orders_back = product_ranks.orders_back
    where
        user_aisle_ranks.aisle_place <= {{ aisles_per_user }}
        and product_ranks.aisle_rank <= {{ products_per_aisle }}

),

discoveries as (

    select
        together.together_rank,
        together.together_units,
        together.together_products,
        together.together_with_product_id,
        coalesce(popular.user_id, together.user_id) as user_id,
        coalesce(popular.product_id, together.product_id) as product_id,
        coalesce(popular.orders_back, together.orders_back) as orders_back
    from popular
    full outer join together
        on
            popular.user_id = together.user_id
            and popular.product_id = together.product_id
            and popular.orders_back = together.orders_back
    where coalesce(together.is_own, 0) = 0

),

final as (

    select
        user_id,
        product_id,
        together_rank,
        {{ safe_ratio('together_units', unit) }} as together_score,
        together_products,
        together_with_product_id,
        orders_back
    from discoveries

)

select * from final

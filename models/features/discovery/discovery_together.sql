{{ config(
    partitioned_by=['orders_back'],
    sorted_by=['user_id', 'product_id'],
    meta={'partition_values': window_numbers(), 'sliced': true}
) }}

{#-
    At most 20 * 10 = 200 meetings and 40 rows per shopper and window: at Instacart's size 41.2 and
    8.2 million for 206,209 shoppers.
-#}
{%- set own_products = 20 -%}
{%- set neighbours_per_product = 10 -%}
{%- set most_together = 40 -%}
{#- sums must not depend on the order of adding: confidences are added in whole billionths -#}
{%- set unit = 1000000000 -%}

with

shoppers as (

    select * from {{ ref('discovery_shoppers') }}

),

product_neighbours as (

    select * from {{ ref('product_neighbours') }}

),

up_features as (

    select * from {{ ref('up_features') }}

),

own_ranked as (

    select
        up_features.user_id,
        up_features.product_id,
        row_number() over (
            partition by up_features.user_id, up_features.orders_back
            order by
                up_features.up_orders desc,
                up_features.up_last_order desc,
                up_features.product_id asc
        ) as own_place,
        up_features.orders_back
    from up_features
    inner join shoppers
        on
            up_features.user_id = shoppers.user_id
            and up_features.orders_back = shoppers.orders_back

),

meetings as (

    select
        own_ranked.user_id,
        own_ranked.product_id as own_product_id,
        product_neighbours.neighbour_id as product_id,
        cast(floor(product_neighbours.shrunk_confidence * cast({{ unit }} as double)) as bigint)
            as confidence_units,
        {{ own_products }} - own_ranked.own_place as own_place_from_last,
        own_ranked.orders_back
    from own_ranked
    inner join product_neighbours
        on
            own_ranked.product_id = product_neighbours.product_id
            and own_ranked.orders_back = product_neighbours.orders_back
    where
        own_ranked.own_place <= {{ own_products }}
        and product_neighbours.confidence_rank <= {{ neighbours_per_product }}

),

met as (

    select
        user_id,
        product_id,
        cast(sum(confidence_units) as bigint) as together_units,
        -- the nearest own product; of equally near ones that which is bought more often
        max_by(own_product_id, confidence_units * {{ own_products }} + own_place_from_last)
            as together_with_product_id,
        count(*) as together_products,
        orders_back
    from meetings
    group by user_id, product_id, orders_back

),

new_met as (

    select
        met.user_id,
        met.product_id,
        met.together_units,
        met.together_products,
        met.together_with_product_id,
        row_number() over (
            partition by met.user_id, met.orders_back
            order by met.together_units desc, met.product_id asc
        ) as together_rank,
        met.orders_back
    from met
    left join up_features
        on
            met.user_id = up_features.user_id
            and met.product_id = up_features.product_id
            and met.orders_back = up_features.orders_back
    where up_features.product_id is null

),

final as (

    select
        user_id,
        product_id,
        cast(together_rank as integer) as together_rank,
        {{ safe_ratio('together_units', unit) }} as together_score,
        together_products,
        together_with_product_id,
        orders_back
    from new_met
    where together_rank <= {{ most_together }}

)

select * from final

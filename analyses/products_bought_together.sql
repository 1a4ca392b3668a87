-- Which of the best-selling products go into the same basket more often than by chance?
{%- set best_sellers = 200 %} {#- bounds the pairs that are counted #}
{%- set one_shopper_in = 100 %} {#- must buy a pair: else one shopper's habit makes a high lift #}

with

history_lines as (

    select * from {{ ref('history_lines') }}
    where orders_back = 0

),

prd_features as (

    select * from {{ ref('prd_features') }}
    where orders_back = 0

),

products as (

    select * from {{ ref('stg_products') }}

),

totals as (

    select
        count(distinct order_id) as all_baskets,
        count(distinct user_id) as all_shoppers
    from history_lines

),

ranked_products as (

    select
        product_id,
        prod_orders,
        row_number() over (order by prod_orders desc, product_id asc) as sales_rank
    from prd_features

),

best_sellers as (

    select
        products.product_id,
        products.product_name,
        ranked_products.prod_orders
    from ranked_products
    inner join products
        on ranked_products.product_id = products.product_id
    where ranked_products.sales_rank <= {{ best_sellers }}

),

best_seller_lines as (

    select
        history_lines.user_id,
        history_lines.order_id,
        history_lines.product_id
    from history_lines
    inner join best_sellers
        on history_lines.product_id = best_sellers.product_id

),

pairs as (

    select
        first_lines.product_id,
        second_lines.product_id as other_product_id,
        count(*) as orders_together,
        count(distinct first_lines.user_id) as shoppers
    from best_seller_lines as first_lines
    inner join best_seller_lines as second_lines
        on
            first_lines.order_id = second_lines.order_id
            and first_lines.product_id < second_lines.product_id
    group by first_lines.product_id, second_lines.product_id

),

final as (

    select
        pairs.product_id,
        pairs.other_product_id,
        first_products.product_name,
        second_products.product_name as other_product_name,
        pairs.shoppers,
        pairs.orders_together,
        {{ safe_ratio('pairs.orders_together', 'totals.all_baskets') }} as pair_support,
        {{ safe_ratio('pairs.orders_together', 'first_products.prod_orders') }} as confidence,
        {{ safe_ratio('pairs.orders_together', 'second_products.prod_orders') }}
            as other_confidence,
        {{ safe_ratio(
            '(pairs.orders_together * totals.all_baskets)',
            '(first_products.prod_orders * second_products.prod_orders)'
        ) }} as lift
    from pairs
    inner join best_sellers as first_products
        on pairs.product_id = first_products.product_id
    inner join best_sellers as second_products
        on pairs.other_product_id = second_products.product_id
    cross join totals
    where pairs.shoppers * {{ one_shopper_in }} >= totals.all_shoppers

)

select * from final
order by lift desc, product_id asc, other_product_id asc
limit 50

-- Order lines counted by shopper, by product and by pair are the same, in every window; a window
-- that one mart lacks has none there.
with

user_totals as (

    select
        orders_back,
        sum(user_total_products) as user_lines
    from {{ ref('user_features') }}
    group by orders_back

),

product_totals as (

    select
        orders_back,
        sum(prod_orders) as product_lines,
        sum(prod_first_orders) as product_pairs
    from {{ ref('prd_features') }}
    group by orders_back

),

pair_totals as (

    select
        orders_back,
        sum(up_orders) as pair_lines,
        count(*) as pairs
    from {{ ref('up_features') }}
    group by orders_back

)

select
    coalesce(pair_totals.orders_back, user_totals.orders_back, product_totals.orders_back)
        as orders_back,
    user_totals.user_lines,
    product_totals.product_lines,
    pair_totals.pair_lines,
    product_totals.product_pairs,
    pair_totals.pairs
from pair_totals
full join user_totals on pair_totals.orders_back = user_totals.orders_back
full join product_totals
    on coalesce(pair_totals.orders_back, user_totals.orders_back) = product_totals.orders_back
where
    coalesce(user_totals.user_lines, 0) <> coalesce(pair_totals.pair_lines, 0)
    or coalesce(product_totals.product_lines, 0) <> coalesce(pair_totals.pair_lines, 0)
    or coalesce(product_totals.product_pairs, 0) <> coalesce(pair_totals.pairs, 0)

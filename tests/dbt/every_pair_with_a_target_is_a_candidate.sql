-- candidates lose no pair of a shopper with a target order, and invent none. A window that only one
-- side has differs too.
with

expected as (

    select
        target_orders.orders_back,
        count(*) as pairs
    from {{ ref('up_features') }} as up_features
    inner join {{ ref('target_orders') }} as target_orders
        on
            up_features.user_id = target_orders.user_id
            and up_features.orders_back = target_orders.orders_back
    group by target_orders.orders_back

),

found as (

    select
        orders_back,
        count(*) as pairs
    from {{ ref('candidates') }}
    group by orders_back

)

select
    coalesce(expected.orders_back, found.orders_back) as orders_back,
    expected.pairs as expected_pairs,
    found.pairs as found_pairs
from expected
full join found on expected.orders_back = found.orders_back
where coalesce(expected.pairs, 0) <> coalesce(found.pairs, 0)

-- What does each eval_set hold: how many shoppers, orders and known baskets?
with

eval_sets as (

    select * from {{ ref('eval_sets') }}

),

orders as (

    select * from {{ ref('stg_orders') }}

),

target_orders as (

    select * from {{ ref('target_orders') }}
    where orders_back = 0

),

order_products as (

    select * from {{ ref('stg_order_products') }}

),

all_orders as (

    select
        user_id,
        order_id,
        eval_set
    from orders
    union all
    -- the orders to come are in no raw file
    select
        user_id,
        order_id,
        eval_set
    from target_orders
    where eval_set = 'live'

),

baskets as (

    select
        order_id,
        count(*) as order_lines
    from order_products
    group by order_id

),

contents as (

    select
        all_orders.eval_set,
        count(distinct all_orders.user_id) as shoppers,
        count(*) as orders,
        count(baskets.order_id) as baskets,
        cast(coalesce(sum(baskets.order_lines), 0) as bigint) as order_lines
    from all_orders
    left join baskets
        on all_orders.order_id = baskets.order_id
    group by all_orders.eval_set

),

final as (

    select
        eval_sets.eval_set,
        eval_sets.meaning,
        coalesce(contents.shoppers, 0) as shoppers,
        coalesce(contents.orders, 0) as orders,
        coalesce(contents.baskets, 0) as baskets,
        coalesce(contents.order_lines, 0) as order_lines,
        {{ safe_ratio('contents.order_lines', 'contents.baskets') }} as mean_basket,
        eval_sets.has_basket
    from eval_sets
    left join contents
        on eval_sets.eval_set = contents.eval_set

)

select * from final
order by eval_set

-- How often do shoppers buy what was predicted for them?
{%- set listed = 10 %} {#- products from the top of each list #}

with

history as (

    select * from {{ source('predictions', 'history') }}
    where rank <= {{ listed }}

),

orders as (

    select * from {{ ref('stg_orders') }}

),

order_products as (

    select * from {{ ref('stg_order_products') }}

),

lists as (

    select
        run,
        task,
        user_id,
        min(order_number) as order_number,
        max(predicted_at) as predicted_at,
        max(last_ordered_at) as last_ordered_at
    from history
    group by run, task, user_id

),

-- an order that comes late or is cancelled changes the numbers of those after it, never their times
orders_since as (

    select
        lists.run,
        lists.task,
        lists.user_id,
        lists.predicted_at,
        orders.order_id,
        orders.ordered_at,
        row_number() over (
            partition by lists.run, lists.task, lists.user_id
            order by orders.order_number asc
        ) as orders_after
    from lists
    inner join orders
        on
            lists.user_id = orders.user_id
            and case
                when lists.last_ordered_at is null
                    then lists.order_number <= orders.order_number
                else lists.last_ordered_at < orders.ordered_at
            end

),

-- what runs predicted of one order is judged by the newest of them
predicted_orders as (

    select
        run,
        task,
        user_id,
        order_id,
        ordered_at,
        row_number() over (
            partition by task, order_id
            order by predicted_at desc, run desc
        ) as newest_first
    from orders_since
    where orders_after = 1

),

known_baskets as (

    select order_id from order_products
    group by order_id

),

hits as (

    select
        predicted_orders.run,
        predicted_orders.task,
        predicted_orders.order_id,
        predicted_orders.ordered_at,
        count(*) as products,
        count(order_products.product_id) as bought
    from predicted_orders
    inner join known_baskets
        on predicted_orders.order_id = known_baskets.order_id
    inner join history
        on
            predicted_orders.run = history.run
            and predicted_orders.task = history.task
            and predicted_orders.user_id = history.user_id
    left join order_products
        on
            predicted_orders.order_id = order_products.order_id
            and history.product_id = order_products.product_id
    where predicted_orders.newest_first = 1
    group by
        predicted_orders.run,
        predicted_orders.task,
        predicted_orders.order_id,
        predicted_orders.ordered_at

),

periods as (

    select
        task,
        cast(date_trunc('week', ordered_at) as timestamp) as week_start,
        case when ordered_at is null then run end as run,
        products,
        bought
    from hits

),

totals as (

    select
        task,
        week_start,
        run,
        count(*) as orders,
        cast(sum(case when bought > 0 then 1 else 0 end) as bigint) as orders_with_hit,
        cast(sum(products) as bigint) as products,
        cast(sum(bought) as bigint) as bought
    from periods
    group by task, week_start, run

),

final as (

    select
        task,
        week_start,
        run,
        orders,
        orders_with_hit,
        {{ safe_ratio('orders_with_hit', 'orders') }} as hit_rate,
        products,
        bought,
        {{ safe_ratio('bought', 'products') }} as precision_at_10
    from totals

)

select * from final
order by task, week_start, run

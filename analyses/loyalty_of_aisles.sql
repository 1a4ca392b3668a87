-- Which aisles do shoppers come back to, and which do they try once?
with

history_lines as (

    select * from {{ ref('history_lines') }}
    where orders_back = 0

),

products as (

    select * from {{ ref('stg_products') }}

),

aisles as (

    select * from {{ ref('stg_aisles') }}

),

visits as (

    select
        history_lines.user_id,
        history_lines.order_id,
        products.aisle_id,
        count(*) as order_lines,
        cast(sum(history_lines.reordered) as bigint) as reorders
    from history_lines
    inner join products
        on history_lines.product_id = products.product_id
    group by history_lines.user_id, history_lines.order_id, products.aisle_id

),

buyers as (

    select
        user_id,
        aisle_id,
        count(*) as orders,
        cast(sum(order_lines) as bigint) as order_lines,
        cast(sum(reorders) as bigint) as reorders
    from visits
    group by user_id, aisle_id

),

loyalty as (

    select
        aisle_id,
        cast(sum(order_lines) as bigint) as order_lines,
        cast(sum(reorders) as bigint) as reorders,
        count(*) as buyers,
        cast(sum(case when orders >= 2 then 1 else 0 end) as bigint) as returning_buyers
    from buyers
    group by aisle_id

),

final as (

    select
        loyalty.aisle_id,
        aisles.aisle_name,
        loyalty.order_lines,
        loyalty.reorders,
        {{ safe_ratio('loyalty.reorders', 'loyalty.order_lines') }} as reorder_ratio,
        loyalty.buyers,
        loyalty.returning_buyers,
        {{ safe_ratio('loyalty.returning_buyers', 'loyalty.buyers') }} as returning_buyer_ratio
    from loyalty
    inner join aisles
        on loyalty.aisle_id = aisles.aisle_id

)

select * from final
order by reorder_ratio desc, aisle_id asc

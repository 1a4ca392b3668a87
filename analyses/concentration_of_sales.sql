-- How much of all sales do the best-selling products make?
with

prd_features as (

    select * from {{ ref('prd_features') }}
    where orders_back = 0

),

tops as (

    {%- for top_percent in [1, 5, 10, 20, 50] %}
    select {{ top_percent }} as top_percent
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}

),

totals as (

    select
        count(*) as products,
        cast(sum(prod_orders) as bigint) as order_lines,
        cast(sum(prod_reorders) as bigint) as reorders
    from prd_features

),

ranked_products as (

    select
        prod_orders,
        prod_reorders,
        row_number() over (order by prod_orders desc, product_id asc) as sales_rank
    from prd_features

),

top_products as (

    select
        tops.top_percent,
        count(*) as products,
        cast(sum(ranked_products.prod_orders) as bigint) as order_lines,
        cast(sum(ranked_products.prod_reorders) as bigint) as reorders
    from tops
    cross join totals
    cross join ranked_products
    -- rounds the number of products up, without a division that the engines read differently
    where (ranked_products.sales_rank - 1) * 100 < totals.products * tops.top_percent
    group by tops.top_percent

),

final as (

    select
        top_products.top_percent,
        top_products.products,
        top_products.order_lines,
        {{ safe_ratio('top_products.order_lines', 'totals.order_lines') }} as line_share,
        {{ safe_ratio('top_products.reorders', 'totals.reorders') }} as reorder_share
    from top_products
    cross join totals

)

select * from final
order by top_percent

-- Every shopper's orders are numbered 1, 2, 3, ... without a gap.
select
    user_id,
    min(order_number) as first_order_number,
    max(order_number) as last_order_number,
    count(*) as orders
from {{ ref('stg_orders') }}
group by user_id
having min(order_number) <> 1 or max(order_number) <> count(*)

-- A shopper has at most one train or test order, and no order after it.
select
    user_id,
    sum(case when eval_set <> 'prior' then 1 else 0 end) as orders_to_predict
from {{ ref('stg_orders') }}
group by user_id
having
    sum(case when eval_set <> 'prior' then 1 else 0 end) > 1
    or max(case when eval_set <> 'prior' then order_number end) < max(order_number)

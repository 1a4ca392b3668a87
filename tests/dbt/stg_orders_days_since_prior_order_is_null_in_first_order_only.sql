-- days_since_prior_order is empty on a shopper's first order, and only there.
select
    order_id,
    order_number,
    days_since_prior_order
from {{ ref('stg_orders') }}
where (order_number = 1) <> (days_since_prior_order is null)

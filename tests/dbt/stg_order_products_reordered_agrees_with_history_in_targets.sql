-- In a target basket `reordered` is 1 for products of the history, and only for them.
with

labelled as (

    select
        user_id,
        product_id,
        orders_back
    from {{ ref('candidates') }}
    where reordered = 1

)

select
    target_lines.user_id,
    target_lines.product_id,
    target_lines.orders_back
from {{ ref('target_lines') }} as target_lines
left join labelled
    on
        target_lines.user_id = labelled.user_id
        and target_lines.product_id = labelled.product_id
        and target_lines.orders_back = labelled.orders_back
where (target_lines.reordered = 1) <> (labelled.user_id is not null)

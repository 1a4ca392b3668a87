{#-
    Post-hook of order_facts: a line file that was cut off, or of which a sample was taken, has sound
    lines, and turns purchases into none. What can be seen of it is said in one line each; too much of it
    stops the build, before anything is made of it.
-#}
{% macro say_incomplete_baskets() %}
    {%- if execute and not flags.EMPTY -%}
        {%- set orders = run_query(
            "select orders.eval_set, count(*) as all_orders,"
            ~ " count(case when facts.basket_size = 0 then 1 end) as without_line,"
            ~ " count(case when facts.has_every_cart_place = 0 then 1 end) as without_place"
            ~ " from " ~ ref('stg_orders') ~ " as orders inner join " ~ this ~ " as facts"
            ~ " on orders.order_id = facts.order_id"
            ~ " where orders.eval_set in ('prior', 'train')"
            ~ " group by orders.eval_set order by orders.eval_set desc"
        ).rows -%}
        {%- for row in orders -%}
            {%- set found = row[2] ~ " of " ~ row[1] ~ " " ~ row[0] ~ " orders have no line" -%}
            {#- half of very few says nothing of the file -#}
            {%- if row[1] >= 5 and row[2] * 2 > row[1] -%}
                {%- do exceptions.raise_compiler_error(
                    found ~ " in order_products__" ~ row[0] ~ ".csv, more than half: the file is not whole"
                    ~ " or of other orders. Give the whole one, or leave these orders out of orders.csv."
                ) -%}
            {%- elif row[2] -%}
                {%- do log(found ~ ": their baskets count as "
                    ~ ("unknown." if row[0] == "train" else "empty."), info=true) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- set without_place = orders | sum(attribute=3) -%}
        {%- set with_lines = orders | sum(attribute=1) - orders | sum(attribute=2) -%}
        {%- if without_place -%}
            {%- do log(
                without_place ~ " of " ~ with_lines ~ " orders have cart places (add_to_cart_order) that are not 1 to n: "
                ~ in_one_place(), info=true
            ) -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}


{#- Only counted if places are not in order anyway: it takes many times longer than their sums. -#}
{% macro in_one_place() %}
    {%- set carts = run_query(
        "select count(*) as all_carts,"
        ~ " count(case when facts.has_every_cart_place = 0 and carts.places < facts.basket_size then 1 end)"
        ~ " from " ~ this ~ " as facts left join ("
        ~ "select lines.order_id, count(distinct lines.add_to_cart_order) as places"
        ~ " from " ~ ref('stg_order_products') ~ " as lines inner join " ~ this ~ " as facts"
        ~ " on lines.order_id = facts.order_id where facts.has_every_cart_place = 0"
        ~ " group by lines.order_id"
        ~ ") as carts on facts.order_id = carts.order_id where facts.basket_size >= 2"
    ).rows[0] -%}
    {%- set found = "lines may be missing." if not carts[1] else
        carts[1] ~ " of " ~ carts[0] ~ " orders of several lines have two products in one place." -%}
    {{ return(
        found ~ " The shop has no cart order: what is next in a cart cannot be learnt from it."
        if carts[1] * 2 > carts[0] else found
    ) }}
{% endmacro %}

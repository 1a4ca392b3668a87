{#- The expression is true for every row. -#}
{% test holds(model, expression) %}

    select *
    from {{ model }}
    where not ({{ expression }})

{% endtest %}

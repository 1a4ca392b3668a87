{% test one_text_per_key(model, column_name, text) %}

    select {{ column_name }}
    from {{ model }}
    group by {{ column_name }}
    having min({{ text }}) <> max({{ text }})

{% endtest %}

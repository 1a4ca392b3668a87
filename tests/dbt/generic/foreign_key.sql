{% test foreign_key(model, columns, to) %}

    select
        {%- for column in columns %}
        child.{{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ model }} as child
    left join {{ to }} as parent
        on
            {%- for column in columns %}
            {{ 'and ' if not loop.first }}child.{{ column }} = parent.{{ column }}
            {%- endfor %}
    where parent.{{ columns[0] }} is null

{% endtest %}

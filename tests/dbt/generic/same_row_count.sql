{% test same_row_count(model, of) %}

    with

    counts as (

        select
            (select count(*) from {{ model }}) as model_rows,
            {%- for relation in of %}
            (select count(*) from {{ relation }}){{ ' +' if not loop.last }}
            {%- endfor %} as expected_rows

    )

    select
        model_rows,
        expected_rows
    from counts
    where model_rows <> expected_rows

{% endtest %}

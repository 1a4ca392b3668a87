{#- by this `python -m glue cost` finds the statements of a run and of each node in Athena's history -#}
{% macro query_comment(node) %}
    {%- set comment = {
        'app': 'dbt',
        'dbt_version': dbt_version,
        'profile_name': target.get('profile_name'),
        'target_name': target.get('target_name'),
        'invocation_id': invocation_id,
        'run_started_at': run_started_at.isoformat(),
    } -%}
    {%- if node is not none -%}
        {%- do comment.update({'node_id': node.unique_id}) -%}
    {%- endif -%}
    {{ return(tojson(comment)) }}
{% endmacro %}

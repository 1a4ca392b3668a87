{#-
    Hooks run, or are rendered, in every dbt command. What lists or describes the project (compile,
    docs, ls, parse) leaves nothing behind, and neither a seed nor freshness reads a row of a model.
-#}
{% macro command_reads_rows() %}
    {{ return(execute and flags.WHICH in ('build', 'run', 'test', 'snapshot', 'show')) }}
{% endmacro %}


{#-
    dbt's own macro. `dbt show` runs no hooks, so what it reads is made ready here; and it runs the
    tests of a model beside it, which may not be built, to show nothing of them.
-#}
{% macro get_show_sql(compiled_code, sql_header, limit) %}
    {%- if model.resource_type == 'test' and model.depends_on.nodes | select('in', selected_resources) | list -%}
        {{ return('select 1 as is_shown limit 0') }}
    {%- endif -%}
    {%- do prepare_raw_tables() -%}
    {%- do create_prediction_tables() -%}
    {%- do check_are_built(model.depends_on.nodes) -%}
    {{ sql_header or '' }}
    {{ get_limit_subquery_sql(compiled_code, limit) }}
{% endmacro %}


{#- a unit test asks for the columns of what its model reads; a retry has no selection -#}
{% macro check_parents() %}
    {%- if command_reads_rows() -%}
        {%- if not selected_resources -%}
            {%- do log(
                "dbt retry goes on where the last run that came to its first model or test failed, and keeps"
                ~ " what that run built. If it stopped before, or if another raw file changed since, run the"
                ~ " command itself again.", info=true
            ) -%}
        {%- endif -%}
        {%- set parents = [] -%}
        {%- for unique_id in selected_resources -%}
            {%- set of_unit_test = 'model.' ~ unique_id.split('.')[1:3] | join('.') -%}
            {%- do parents.extend(parents_of(
                of_unit_test if unique_id.startswith('unit_test.') else unique_id
            )) -%}
        {%- endfor -%}
        {%- do check_are_built(parents) -%}
    {%- endif -%}
{% endmacro %}


{#-
    The adapter asks Glue for every database that is described, and a missing one is an error. Elsewhere
    what is not built has no entry in the docs' catalog, and that is all.
-#}
{% macro check_catalogue() %}
    {{ return(adapter.dispatch('check_catalogue')()) }}
{% endmacro %}


{% macro duckdb__check_catalogue() %}
{% endmacro %}


{% macro athena__check_catalogue() %}
    {%- if execute and flags.WHICH == 'generate' and not invocation_args_dict.get('empty_catalog') -%}
        {%- set described = built_nodes() + graph.sources.values() | list -%}
        {%- for schema in described | map(attribute='schema') | unique | sort -%}
            {%- if not adapter.check_schema_exists(target.database, schema) -%}
                {%- do exceptions.raise_compiler_error(
                    "Database " ~ schema ~ " is not in the Glue catalog, and docs describe what is there:"
                    ~ " run `dbt build` first, or `dbt docs generate --empty-catalog`."
                ) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
{% endmacro %}


{#-
    What a command reads has to be there, or be made by this very command. Without this an engine says
    of the first one that its table does not exist, and not what to do.
-#}
{% macro check_are_built(unique_ids) %}
    {%- set made = {'build': ('model', 'seed', 'snapshot'), 'run': ('model',), 'snapshot': ('snapshot',)} -%}
    {%- set missing = [] -%}
    {%- for node in tables_behind(unique_ids) -%}
        {%- set is_made_now = (
            node.resource_type in made.get(flags.WHICH, ()) and node.unique_id in selected_resources
        ) -%}
        {#- with --defer what is not here is read elsewhere -#}
        {%- if not is_made_now and not invocation_args_dict.get('defer') -%}
            {%- do missing.append(node) if not adapter.get_relation(node.database, node.schema, node.alias) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if missing -%}
        {%- set names = missing | map(attribute='name') | sort -%}
        {%- set are_seeds = missing | map(attribute='resource_type') | unique | list == ['seed'] -%}
        {%- do exceptions.raise_compiler_error(
            "What was selected reads what is not built in schema " ~ target.schema ~ " of target "
            ~ target.name ~ ": " ~ names[:5] | join(', ') ~ (', ...' if names | length > 5 else '')
            ~ ". Run `dbt " ~ ('seed' if are_seeds else 'build') ~ "` first, or build it with all that it"
            ~ " needs: `dbt build --select +NAME`."
        ) -%}
    {%- endif -%}
{% endmacro %}


{#- nodes that are tables or views; in place of an ephemeral one, what it reads -#}
{% macro tables_behind(unique_ids) %}
    {%- set found = {} -%}
    {%- set ahead = unique_ids | unique | list -%}
    {%- for unique_id in ahead -%}
        {%- set node = graph.nodes.get(unique_id) -%}
        {%- if node and node.config.materialized == 'ephemeral' -%}
            {%- do ahead.extend(parents_of(unique_id) | reject('in', ahead) | list) -%}
        {%- elif node -%}
            {%- do found.update({unique_id: node}) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(found.values() | list) }}
{% endmacro %}


{% macro parents_of(unique_id) %}
    {{ return(graph.nodes.get(unique_id, {}).get('depends_on', {}).get('nodes', [])) }}
{% endmacro %}


{#-
    `dbt retry` runs what failed and what was skipped. A test that failed is repeated on the rows that
    it found, because its model was built: after raw files were mended it can only fail once more.
-#}
{% macro say_what_a_retry_repeats(results) %}
    {%- if execute and flags.WHICH == 'build' -%}
        {%- set tested = [] -%}
        {%- for result in results -%}
            {%- if result.node.resource_type == 'test' and result.status == 'fail' -%}
                {%- do tested.extend(result.node.depends_on.nodes) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- set names = tables_behind(tested) | map(attribute='name') | sort -%}
        {%- if names -%}
            {%- do log(
                "Tests failed on rows that were built: " ~ names | join(', ') ~ ". After mending raw files"
                ~ " run `dbt build`: `dbt retry` would test the same rows again.", info=true
            ) -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}

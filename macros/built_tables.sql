{#-
    What built each table: mode and windows, if it depends on them, the project's version, and the raw
    files that its rows come from. Every model writes it down as it is published (a post-hook), so that
    a build of a part, and the export, can tell tables that do not belong together.

    The local target keeps it in the table builds.tables of the lake's DuckDB file. A raw file is told
    by its size and the time it was last modified, as they were when the build began: that costs
    nothing, where a hash would read every byte once more. Athena keeps it in parameters of the Glue
    table, without the raw files, of which only a scan would tell.
-#}

{% macro record_build() %}
    {%- if execute -%}
        {{ return(adapter.dispatch('record_build')(depends_on_windows(model.unique_id, {}))) }}
    {%- endif -%}
{% endmacro %}


{#- in the transaction that publishes the model -#}
{% macro duckdb__record_build(has_windows) %}
    {%- set parents = [] -%}
    {%- set raw_names = [] -%}
    {%- for unique_id in model.depends_on.nodes -%}
        {%- if unique_id in graph.nodes -%}
            {%- set parent = graph.nodes[unique_id] -%}
            {%- do parents.append(parent.schema | lower ~ '.' ~ parent.alias | lower) -%}
        {%- else -%}
            {%- do raw_names.append(graph.sources[unique_id].name) -%}
        {%- endif -%}
    {%- endfor -%}
    insert or replace into builds.tables
    select
        {{ text_literal(this.schema | lower) }},
        {{ text_literal(this.identifier | lower) }},
        {{ text_literal(var('mode')) if has_windows else 'null' }},
        {{ var('windows') if has_windows else 'null' }},
        {{ text_literal(var('project_version')) }},
        list_sort(coalesce(list(distinct raw_file), []))
    from (
        select unnest(raw_files) as raw_file
        from builds.tables
        where schema_name || '.' || table_name in ({{ text_literals(parents) }})
        union all
        select raw_file
        from builds.raw_files
        where raw_file.name in ({{ text_literals(raw_names) }})
    )
{% endmacro %}


{% macro athena__record_build(has_windows) %}
    {%- set built = {'built_version': var('project_version')} -%}
    {%- if has_windows -%}
        {%- do built.update({'built_mode': var('mode'), 'built_windows': var('windows')}) -%}
    {%- endif -%}
    {%- do adapter.persist_docs_to_glue(
        relation=this,
        model={
            'description': model.description,
            'unique_id': model.unique_id,
            'config': {'materialized': model.config.materialized, 'meta': built},
        },
        persist_relation_docs=true,
        skip_archive_table_version=true
    ) -%}
{% endmacro %}


{#-
    A build of some models leaves the others as they are. If these depend on mode and windows, they
    must have been built with the same, or the lake holds tables that contradict each other.
-#}
{% macro check_other_tables() %}
    {%- set known = {} -%}
    {%- set replaced = [] -%}
    {%- set kept = [] -%}
    {%- for node in graph.nodes.values() | selectattr('resource_type', 'equalto', 'model') -%}
        {%- if depends_on_windows(node.unique_id, known) -%}
            {%- do (replaced if node.unique_id in selected_resources else kept).append(node) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if replaced and kept -%}
        {%- set tables = {} -%}
        {%- for built in built_tables(kept) -%}
            {%- do tables.setdefault((built.mode, built.windows), []).append(built.name) -%}
        {%- endfor -%}
        {%- set others = tables.keys() | reject('equalto', (var('mode'), var('windows'))) | list -%}
        {%- if others -%}
            {%- set in_words = [] -%}
            {%- for vars in others -%}
                {%- set more = tables[vars] | length - 1 -%}
                {%- do in_words.append(
                    (tables[vars] | sort | first) ~ (' and ' ~ more ~ ' more' if more else '')
                    ~ ' with mode: ' ~ vars[0] ~ ', windows: ' ~ vars[1]
                ) -%}
            {%- endfor -%}
            {%- do exceptions.raise_compiler_error(
                "This is a build of a part with mode: " ~ var('mode') ~ ", windows: " ~ var('windows')
                ~ ", but what stays as it is was built otherwise, " ~ in_words | join(', ') ~ ": "
                ~ ("" if tables | length > 1 else
                    "add --vars '{mode: " ~ others[0][0] ~ ", windows: " ~ others[0][1] ~ "}', or ")
                ~ "build everything anew, `dbt build --vars '{mode: " ~ var('mode') ~ ", windows: "
                ~ var('windows') ~ "}'`."
            ) -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}


{#- By the project's own rule: windows are given by window_numbers(), or by the vars themselves. -#}
{% macro depends_on_windows(unique_id, known) %}
    {%- if unique_id not in known -%}
        {%- set node = graph.nodes.get(unique_id, {}) -%}
        {%- set found = {'it': 'macro.next_basket.window_numbers' in node.get('depends_on', {}).get('macros', [])
            or modules.re.search("\\bvar\\(\\s*['\"](mode|windows)['\"]", node.get('raw_code') or '') is not none} -%}
        {%- for parent in node.get('depends_on', {}).get('nodes', []) if not found.it -%}
            {%- do found.update({'it': depends_on_windows(parent, known)}) -%}
        {%- endfor -%}
        {%- do known.update({unique_id: found.it}) -%}
    {%- endif -%}
    {{ return(known[unique_id]) }}
{% endmacro %}


{% macro built_tables(nodes) %}
    {{ return(adapter.dispatch('built_tables')(nodes)) }}
{% endmacro %}


{% macro duckdb__built_tables(nodes) %}
    {%- set names = [] -%}
    {%- for node in nodes -%}
        {%- do names.append(node.schema | lower ~ '.' ~ node.alias | lower) -%}
    {%- endfor -%}
    {#- what was dropped by hand is no table any more -#}
    {%- set rows = run_query(
        "select built.table_name, built.mode, built.windows from builds.tables as built"
        ~ " inner join information_schema.tables as found"
        ~ " on built.schema_name = lower(found.table_schema) and built.table_name = lower(found.table_name)"
        ~ " where built.windows is not null"
        ~ " and built.schema_name || '.' || built.table_name in (" ~ text_literals(names) ~ ")"
    ).rows -%}
    {%- set found = [] -%}
    {%- for row in rows -%}
        {%- do found.append({'name': row[0], 'mode': row[1], 'windows': row[2] | int}) -%}
    {%- endfor -%}
    {{ return(found) }}
{% endmacro %}


{% macro athena__built_tables(nodes) %}
    {%- set found = [] -%}
    {%- for node in nodes -%}
        {%- set table = adapter.get_glue_table(api.Relation.create(
            database=node.database, schema=node.schema, identifier=node.alias
        )) -%}
        {%- set parameters = table['Table'].get('Parameters', {}) if table else {} -%}
        {%- if 'built_windows' in parameters -%}
            {%- do found.append({
                'name': node.alias,
                'mode': parameters['built_mode'],
                'windows': parameters['built_windows'] | int,
            }) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(found) }}
{% endmacro %}


{#- Local target: what the models of this build write down, and the raw files that it meets. -#}
{% macro prepare_build_tables() %}
    {%- do run_query('create schema if not exists builds') -%}
    {%- do run_query(
        'create table if not exists builds.tables ('
        ~ 'schema_name varchar, table_name varchar, mode varchar, windows integer, version varchar,'
        ~ ' raw_files struct(name varchar, bytes bigint, modified_at timestamp)[],'
        ~ ' primary key (schema_name, table_name))'
    ) -%}
    {%- set files = [] -%}
    {%- for table in raw_tables() -%}
        {%- do files.append(
            'select {name: ' ~ text_literal(table.name) ~ ', bytes: cast(sum(size) as bigint),'
            ~ ' modified_at: cast(max(last_modified) as timestamp)}'
            ~ ' as raw_file from read_blob(' ~ path_literals(files_of_raw_table(table.name)) ~ ')'
        ) -%}
    {%- endfor -%}
    {%- do run_query('create or replace table builds.raw_files as ' ~ files | join(' union all ')) -%}
{% endmacro %}


{#- A table that is not built again keeps the rows of the files that it was built from. -#}
{% macro say_changed_raw_files() %}
    {%- set older = {} -%}
    {%- set staged = [] -%}
    {%- for node in read_but_not_built() -%}
        {%- do staged.append(node.schema | lower ~ '.' ~ node.alias | lower) -%}
    {%- endfor -%}
    {%- set changed = run_query(
        "select distinct raw_file.name, table_name from ("
        ~ "select table_name, unnest(raw_files) as raw_file from builds.tables"
        ~ " where schema_name || '.' || table_name in (" ~ text_literals(staged) ~ "))"
        ~ " where raw_file not in (select raw_file from builds.raw_files) order by all"
    ).rows -%}
    {%- for row in changed -%}
        {%- do log(
            "Raw file " ~ row[0] ~ ".csv has changed since " ~ row[1] ~ " was built: "
            ~ ("this build" if selected_resources else "unless it is built again, this retry")
            ~ " uses the older rows. `dbt build --select " ~ row[1] ~ "+` reads the new file.", info=true
        ) -%}
    {%- endfor -%}
{% endmacro %}


{#-
    The models that read raw files, which what is selected reads but does not build. `dbt retry` does not
    tell what it selects: there it is every one.
-#}
{% macro read_but_not_built() %}
    {%- set staged = [] -%}
    {%- set seen = {} -%}
    {%- set ahead = (selected_resources or graph.nodes.keys()) | list -%}
    {%- for unique_id in ahead -%}
        {#- the list grows while it is walked through -#}
        {%- set node = graph.nodes.get(unique_id) -%}
        {%- if node and unique_id not in seen -%}
            {%- do seen.update({unique_id: true}) -%}
            {%- do ahead.extend(node.depends_on.nodes) -%}
            {%- if unique_id not in selected_resources
                and node.depends_on.nodes | select('in', raw_tables() | map(attribute='unique_id') | list) | list -%}
                {%- do staged.append(node) -%}
            {%- endif -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(staged) }}
{% endmacro %}

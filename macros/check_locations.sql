{#-
    Raw files must not be where dbt writes: on Athena the adapter deletes everything under the location
    of a table that it replaces. Checked before every run on Athena, against what is catalogued there;
    the local target reads raw files and never writes beside them, so only its folder's name is checked.
-#}
{% macro check_locations() %}
    {{ return(adapter.dispatch('check_locations')()) }}
{% endmacro %}


{#- DuckDB reads what stands before the files of a partitioned table for partitions, too -#}
{% macro duckdb__check_locations() %}
    {%- if execute -%}
        {%- for folder in lake_dir().split('/') if '=' in folder -%}
            {%- set column = folder.partition('=')[0] | lower -%}
            {%- for node in built_nodes() if column in node.columns -%}
                {%- do exceptions.raise_compiler_error(
                    "LAKE_DIR is '" ~ lake_dir() ~ "': DuckDB would take " ~ folder ~ " for the values"
                    ~ " of column " ~ column ~ " in " ~ node.name ~ ". Take a folder without =."
                ) -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endif -%}
{% endmacro %}


{% macro athena__check_locations() %}
    {#- compiling writes nothing and needs no account -#}
    {%- if execute and flags.WHICH != 'compile' -%}
        {%- for variable, place in (
            ('ATHENA_LAKE', target.s3_data_dir), ('ATHENA_RESULTS', target.s3_staging_dir)
        ) -%}
            {%- if place == 's3://set-' ~ variable ~ '/' -%}
                {%- do exceptions.raise_compiler_error(
                    variable ~ ' is not set: set it to s3://bucket/prefix/, or all settings by eval "$(python -m glue env)".'
                ) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- set stage = env_var('NEXT_BASKET_STAGE', '') or 'prod' -%}
        {%- if stage != 'prod' and not target.schema.endswith('_' ~ stage) -%}
            {%- do exceptions.raise_compiler_error(
                'ATHENA_SCHEMA is ' ~ target.schema ~ ', which is not of stage ' ~ stage
                ~ ': set all settings by eval "$(python -m glue env)".'
            ) -%}
        {%- endif -%}
        {%- if adapter.is_work_group_output_location_enforced() -%}
            {%- do exceptions.raise_compiler_error(
                "Work group " ~ target.work_group ~ " enforces its own output location: tables would"
                ~ " land among query results and expire with them. Set EnforceWorkGroupConfiguration"
                ~ " of the work group to false."
            ) -%}
        {%- endif -%}
        {%- set raw_locations = catalogued_raw_locations() -%}
        {%- for setting in ('s3_data_dir', 's3_staging_dir', 's3_tmp_table_dir') -%}
            {%- do check_apart_from_raw(
                setting ~ ' of the profile', target.get(setting), raw_locations
            ) -%}
        {%- endfor -%}
        {%- set raw_schemas = raw_tables() | map(attribute='schema') | map('lower') | unique | list -%}
        {%- for node in built_nodes() -%}
            {%- set name = node.resource_type ~ ' ' ~ node.name -%}
            {%- if node.config.get('external_location') -%}
                {%- do exceptions.raise_compiler_error(
                    name ~ " has the config external_location (" ~ node.config.external_location
                    ~ "): remove it. dbt deletes what lies there before it writes."
                ) -%}
            {%- endif -%}
            {%- if node.schema | lower in raw_schemas -%}
                {%- do exceptions.raise_compiler_error(
                    name ~ " would be built in " ~ node.schema
                    ~ ", the Glue database of the raw tables: give it another schema."
                ) -%}
            {%- endif -%}
            {%- for setting in ('s3_data_dir', 's3_tmp_table_dir') -%}
                {%- do check_apart_from_raw(
                    setting ~ ' of ' ~ name, node.config.get(setting), raw_locations
                ) -%}
            {%- endfor -%}
            {%- set relation = api.Relation.create(
                database=node.database, schema=node.schema, identifier=node.alias
            ) -%}
            {%- do check_apart_from_raw(
                'Table ' ~ node.schema ~ '.' ~ node.alias ~ ', which this project replaces,',
                adapter.get_glue_table_location(relation),
                raw_locations
            ) -%}
        {%- endfor -%}
    {%- endif -%}
{% endmacro %}


{% macro built_nodes() %}
    {{ return(
        graph.nodes.values()
        | selectattr('resource_type', 'in', ['model', 'seed', 'snapshot'])
        | rejectattr('config.materialized', 'equalto', 'ephemeral')
        | list
    ) }}
{% endmacro %}


{% macro catalogued_raw_locations() %}
    {%- set locations = {} -%}
    {%- for table in raw_tables() -%}
        {%- set name = table.schema ~ '.' ~ table.identifier -%}
        {%- set location = adapter.get_glue_table_location(api.Relation.create(
            database=table.database, schema=table.schema, identifier=table.identifier
        )) -%}
        {%- if not location -%}
            {%- do exceptions.raise_compiler_error(
                "Raw table " ~ name ~ " is not in the Glue catalog: upload and catalogue the raw files"
                ~ " first (`python -m glue --help`)."
            ) -%}
        {%- endif -%}
        {%- do locations.update({name: location}) -%}
    {%- endfor -%}
    {{ return(locations) }}
{% endmacro %}


{% macro check_apart_from_raw(what, location, raw_locations) %}
    {%- if location -%}
        {%- set place = location.rstrip('/') ~ '/' -%}
        {%- for table, raw_location in raw_locations.items() -%}
            {%- set raw_place = raw_location.rstrip('/') ~ '/' -%}
            {%- if place.startswith(raw_place) or raw_place.startswith(place) -%}
                {%- do exceptions.raise_compiler_error(
                    what ~ " lies in " ~ location ~ ", raw table " ~ table ~ " in " ~ raw_location
                    ~ ": dbt would delete raw files. Keep them in a bucket or prefix of their own."
                ) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
{% endmacro %}

{#- What a value of the shape order_lines must be, and how texts of both engines become values. -#}

{#-
    A time as the shape has it: a date, or a date and a time with a blank or a T between them, with or
    without seconds. Both engines' casts take more than that, and not the same.
-#}
{% macro is_time(text) -%}
    translate({{ text }}, '123456789T', '000000000 ') in (
        '0000-00-00', '0000-00-00 00:00', '0000-00-00 00:00:00'
    )
{%- endmacro %}


{% macro to_time(text) -%}
    case
        when {{ is_time(text) }} and substr({{ text }}, 1, 4) between '1900' and '2099'
            and substr({{ text }} || ' 00', 12, 2) <= '23'
            then try_cast(replace({{ text }}, 'T', ' ') as timestamp)
    end
{%- endmacro %}


{#- Without a sign of its own kind (1e5, 0x9, nan), which engines read in their own ways. -#}
{% macro to_quantity(text) -%}
    case when translate({{ text }}, '0123456789.-', '') = '' then try_cast({{ text }} as double) end
{%- endmacro %}


{% macro to_place(text) -%}
    case
        when translate({{ text }}, '0123456789', '') = '' and length({{ text }}) <= 5
            then try_cast({{ text }} as integer)
    end
{%- endmacro %}


{#- A whole number as the engine would write it back, so that it can be given back as it came. -#}
{% macro is_key(text) -%}
    {%- if var('ids') == 'text' -%}
        coalesce({{ text }} <> '', false)
    {%- else -%}
        coalesce(
            try_cast({{ text }} as bigint) >= 0 and cast(try_cast({{ text }} as bigint) as varchar) = {{ text }}, false
        )
    {%- endif -%}
{%- endmacro %}


{% macro what_is_no_key() -%}
    {{ 'empty' if var('ids') == 'text' else 'no whole number without zeros in front (or var ids: text is missing)' }}
{%- endmacro %}


{#- The key of an id: the whole number itself, or with `ids: text` a number worked out of the text. -#}
{% macro key_of(text, bits=52) -%}
    {%- if var('ids') == 'text' -%}
        {{ hashed_key(text, bits) }}
    {%- else -%}
        cast({{ text }} as bigint)
    {%- endif -%}
{%- endmacro %}


{#-
    The first bits of the text's MD5: 52 for what JavaScript and JSON must keep, 63 for a bigint. Both
    engines compute the same; only how a hexadecimal text becomes a number differs.
-#}
{% macro hashed_key(text, bits=52) -%}
    {%- if bits == 52 -%}
        {{ hexadecimal('substr(' ~ md5_text(text) ~ ', 1, 13)') }}
    {%- else -%}
        (
            mod({{ hexadecimal('substr(' ~ md5_text(text) ~ ', 1, 1)') }}, 8) * 1152921504606846976
            + {{ hexadecimal('substr(' ~ md5_text(text) ~ ', 2, 15)') }}
        )
    {%- endif -%}
{%- endmacro %}


{% macro md5_text(text) -%}
    {{ return(adapter.dispatch('md5_text')(text)) }}
{%- endmacro %}


{#- Trino hashes bytes -#}
{% macro athena__md5_text(text) -%}
    lower(to_hex(md5(to_utf8({{ text }}))))
{%- endmacro %}


{% macro duckdb__md5_text(text) -%}
    md5({{ text }})
{%- endmacro %}


{% macro hexadecimal(digits) -%}
    {{ return(adapter.dispatch('hexadecimal')(digits)) }}
{%- endmacro %}


{% macro athena__hexadecimal(digits) -%}
    from_base({{ digits }}, 16)
{%- endmacro %}


{% macro duckdb__hexadecimal(digits) -%}
    cast('0x' || {{ digits }} as bigint)
{%- endmacro %}


{#- The text that an id came as, where it is not the key itself. -#}
{% macro code_of(text) -%}
    {{ text if var('ids') == 'text' else 'cast(null as varchar)' }}
{%- endmacro %}

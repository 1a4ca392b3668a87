"""Statements are taken apart rightly before an engine sees them."""

import duckdb
import pytest
import sqlglot

from tests.athena_api.duckdb_engine import unnest_rows
from tests.athena_api.statements import (
    QueryError,
    bare_statement,
    check_single_statement,
    in_parentheses,
    kind_of,
    parse_create_table_as,
    split_at_commas,
)
from tests.athena_api.trino_engine import create_table_for_trino

COMMENT = '-- /* {"app": "dbt", "node_id": "model.a.b"} */\n'


@pytest.mark.parametrize(
    ("sql", "substatement_type"),
    [
        (COMMENT + 'create table "a"."b"."c" with (x=1) as select 1', "CREATE_TABLE_AS_SELECT"),
        ("create external table `a`.`b` (x int) location 's3://b/'", "CREATE_TABLE"),
        ("alter table `a`.`b` set tblproperties ('classification' = 'parquet')", "ALTER_TABLE"),
        ("-- c\n/* d\n */ select 1;", "SELECT"),
        ("WITH a AS (select 1) select * from a", "SELECT"),
        ("create or replace view v as select 1", "CREATE_VIEW"),
    ],
)
def test_kinds(sql: str, substatement_type: str) -> None:
    assert kind_of(sql).substatement_type == substatement_type


@pytest.mark.parametrize("sql", ["frobnicate the table", "", "vacuum t", "merge into t using s"])
def test_unknown_statements_are_refused(sql: str) -> None:
    with pytest.raises(QueryError, match="cannot recognize input"):
        kind_of(sql)


@pytest.mark.parametrize(
    "sql",
    ["select 1", "select 1;", "select ';' ; -- the end;", "/* a; b */ select 1 ;\n", 'select ";"'],
)
def test_one_statement_passes(sql: str) -> None:
    check_single_statement(sql)


@pytest.mark.parametrize("sql", ["select 1; select 2", "select 'a;b'; drop table t", "select 1;;"])
def test_two_statements_are_refused(sql: str) -> None:
    with pytest.raises(QueryError, match="Only one sql statement is allowed"):
        check_single_statement(sql)


def test_bare_statement_keeps_what_only_looks_like_a_comment() -> None:
    assert bare_statement(COMMENT + "select '--' -- end\n, ';';\n") == "select '--' -- end\n, ';'"


def test_commas_and_parentheses_in_quotes_count_for_nothing() -> None:
    assert split_at_commas("a, 'b,c', d(1, 2), array<int,int>") == [
        "a",
        "'b,c'",
        "d(1, 2)",
        "array<int,int>",
    ]
    assert in_parentheses("(a ')' \"(\" (b)) rest") == ("a ')' \"(\" (b)", " rest")
    with pytest.raises(QueryError, match="missing \\)"):
        in_parentheses("(a")


def test_create_table_as_of_dbt_for_trino() -> None:
    sql = """create table "awsdatacatalog"."lab"."orders"
    with ( table_type='hive', is_external=true, external_location='s3://b/x/',
      partitioned_by=ARRAY['dt', 'eval_set'], format='parquet' )
    as select ')' as p, 'as' as dt, 1 as eval_set"""
    parsed = parse_create_table_as(sql, "other")
    assert (parsed.database, parsed.table, parsed.location) == ("lab", "orders", "s3://b/x")
    assert parsed.partitioned_by == ["dt", "eval_set"]
    assert create_table_for_trino(sql, "other") == (
        'create table "awsdatacatalog"."lab"."orders" with (format = \'PARQUET\','
        " external_location = 's3://b/x', partitioned_by = ARRAY['dt', 'eval_set'])"
        " as select ')' as p, 'as' as dt, 1 as eval_set"
    )


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("create table t (a int)", "expected AS and a query"),
        ("create table t with (table_type='iceberg') as select 1", "Hive tables only"),
    ],
)
def test_other_tables_are_refused(sql: str, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        parse_create_table_as(sql, "lab")


def test_rows_of_an_array_are_columns_on_duckdb() -> None:
    sql = """select one.a, one.b, other.a, other.b from (
        select array_agg(cast(row(x, y) as row(x bigint, y bigint))) as pairs
        from (values (1, 10), (2, 20)) as lines (x, y)
    ) as gathered
    cross join unnest(gathered.pairs) as one (a, b)
    cross join unnest(gathered.pairs) as other (a, b)
    where one.a < other.a"""
    tree = sqlglot.parse_one(sql, read="athena")
    unnest_rows(tree)
    assert duckdb.connect().execute(tree.sql("duckdb")).fetchall() == [(1, 10, 2, 20)]

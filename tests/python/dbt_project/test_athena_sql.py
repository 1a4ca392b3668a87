"""
The SQL that the Athena target would run, rendered offline and checked strictly.

This shows that every statement is in Athena's dialect and uses only functions both engines have. It
does not run it.
"""

import re
from functools import cache
from pathlib import Path

import pytest
from sqlfluff.core import FluffConfig, Linter

from tests.python.dbt_runs import Workspace, copy_project, dbt, make_workspace

LINTER = Linter(config=FluffConfig(overrides={"dialect": "athena", "templater": "raw"}))

# what the dialect's parser lets pass and Trino does not
FORBIDDEN = {
    "a cast written as ::": re.compile(r"::"),
    "ilike": re.compile(r"\bilike\b", re.IGNORECASE),
    "a struct or list literal": re.compile(r"[{}\[\]]"),
    "a comma before from": re.compile(r",\s*from\b", re.IGNORECASE),
}

# all but those of a dispatched macro mean the same in Trino and in DuckDB
PORTABLE_FUNCTIONS = {
    *("count", "sum", "min", "max", "max_by"),
    *("cast", "try_cast", "coalesce", "nullif", "floor", "ceil", "date_diff"),
    "date_trunc",  # a week begins on Monday in both
    *("trim", "replace", "lower", "strpos", "translate", "chr", "row_number", "lag"),
    *("abs", "mod", "sqrt"),
    *("array_agg", "array_sort", "element_at"),  # of macros/median.sql
    *("row", "unnest"),  # of macros/pairs_of_lines.sql
    "both",  # no function: the linter takes the standard's trim(both (..) from ..) for one
}


@pytest.fixture
def athena_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "none")


def compiled_for_athena(
    workspace: Workspace, *selection: str, variables: dict[str, object] | None = None
) -> list[Path]:
    offline = ("--target", "athena", "--no-populate-cache", "--no-introspect")
    dbt(workspace, "compile", *offline, *selection, variables=variables)
    return sorted((workspace.target / "compiled").rglob("*.sql"))


@cache
def faults(sql: str) -> tuple[str, ...]:
    """List what keeps a statement from being portable Athena SQL."""
    text = re.sub(r"--.*", "", re.sub(r"'(?:[^']|'')*'", "''", sql))
    found = [name for name, pattern in FORBIDDEN.items() if pattern.search(text)]
    parsed = LINTER.parse_string(sql.strip() + "\n")
    found += [str(violation.desc()) for violation in parsed.violations]
    if parsed.tree is None:
        return (*found, "not parsed at all")
    found += [f"unparsable: {part.raw}" for part in parsed.tree.recursive_crawl("unparsable")]
    functions = {part.raw.lower() for part in parsed.tree.recursive_crawl("function_name")}
    return (*found, *(f"function {name}" for name in sorted(functions - PORTABLE_FUNCTIONS)))


@pytest.mark.xdist_group("athena-sql")  # most statements of the second are those of the first
@pytest.mark.usefixtures("athena_environment")
@pytest.mark.parametrize(
    "variables",
    [{"mode": "benchmark", "windows": 1}, {"mode": "live", "windows": 3}],
    ids=["benchmark", "live"],
)
def test_every_statement_is_portable_athena_sql(
    tiny_raw: Path, tmp_path: Path, variables: dict[str, object]
) -> None:
    files = compiled_for_athena(make_workspace(tmp_path, tiny_raw), variables=variables)
    names = {file.stem for file in files}
    assert {"stg_orders", "up_features", "candidates", "mart_totals_agree"} <= names
    found = {file.name: faults(file.read_text()) for file in files}
    assert {name: reasons for name, reasons in found.items() if reasons} == {}


@pytest.mark.usefixtures("athena_environment")
def test_a_model_in_another_dialect_is_found(tiny_raw: Path, tmp_path: Path) -> None:
    project = copy_project(tmp_path / "project")
    model = project / "models/features/history_orders.sql"
    model.write_text(model.read_text().replace("orders.user_id,", "orders.user_id::bigint,", 1))
    workspace = make_workspace(tmp_path / "workspace", tiny_raw, project)
    models = ("history_orders,resource_type:model", "history_lines")
    files = compiled_for_athena(workspace, "--select", *models)
    found = {file.stem: faults(file.read_text()) for file in files}
    assert found["history_orders"]
    assert not found["history_lines"]


@pytest.mark.parametrize(
    "sql",
    [
        "select a::int from t",
        "select * exclude (a) from t",
        "select a from t qualify row_number() over (order by a) = 1",
        "select a, count(*) from t group by all",
        "select a from t where b ilike 'x'",
        "select count(*) filter (where a > 1) over (order by b) from t",
        "select {'a': 1} as b",
        "select a, from t",
        "select a // 2 from t",
        "select median(a) from t",
        "from t",
    ],
)
def test_duckdb_only_sql_is_found(sql: str) -> None:
    assert faults(sql)


def test_a_portable_statement_passes() -> None:
    assert faults("select cast(a as bigint) as a, count(*) as b from t group by a") == ()

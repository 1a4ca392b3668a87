"""
The rules for raw files as the build has them: dbt's own macros, run on files no build has seen.

`macros/raw_rules.sql` says what a header and a value must be, `macros/raw_files.sql` how a file is
read, the tests of the staging models what must be true of the rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import click
import duckdb
import yaml
from jinja2 import Environment

from glue.raw.contract import RawTable
from ml.tools.paths import ROOT, path_literal, text_literal

_MACROS = ("raw_rules.sql", "raw_files.sql")
_KEYS = ("unique", "unique_key")  # of dbt's tests those that are counted here
_BY_NAME_ONLY = ("same_row_count",)  # says which raw tables a staging model is made of


@dataclass(frozen=True)
class Rule:
    """
    One rule of the build.

    Attributes
    ----------
    columns
        What it is about, as text.
    rule
        What must hold.
    broken
        Values or keys of a file that break it; None if only dbt build can count them.

    """

    columns: str
    rule: str
    broken: int | None


class _Returned(Exception):  # noqa: N818 - no error: how a macro gives a value, in dbt as well
    def __init__(self, value: object) -> None:
        super().__init__()
        self.value = value


def run_macro(name: str, *arguments: object) -> Any:  # noqa: ANN401
    """Run a macro of dbt's that asks nothing of a database, and give what it returns."""
    try:
        return str(getattr(_macros(), name)(*arguments))
    except _Returned as given:
        return given.value


@cache
def _macros() -> object:
    def give_back(value: object) -> NoReturn:
        raise _Returned(value)

    environment = Environment(extensions=["jinja2.ext.do"], autoescape=False)  # noqa: S701 - SQL
    environment.globals["return"] = give_back
    environment.globals["text_literal"] = text_literal
    environment.globals["path_literal"] = path_literal
    texts = [(ROOT / "macros" / name).read_text(encoding="utf-8") for name in _MACROS]
    return environment.from_string("".join(texts)).module


def read_csv(path: Path, columns: tuple[str, ...]) -> str:
    """Give the SQL that reads a raw file as the build does: strictly, and every column a string."""
    sql: str = run_macro("read_raw_csv", str(path), list(columns))
    return sql


def header_columns(line: str) -> tuple[str, ...]:
    """Split the first line of a raw file into column names; a BOM and a CR are left out."""
    return tuple(run_macro("raw_header_columns", line))


def check_header(where: str, line: str, table: RawTable) -> tuple[str, ...]:
    """
    Compare a header with the contract and give the names of columns that are more than it asks.

    Columns may stand in any order: they are read by name. On Athena the names are those of the
    catalogue, which `check_objects` in verify.py holds against the header.

    Raises
    ------
    click.ClickException
        If the header breaks a rule of the build; the sentence names file and column.

    """
    names = header_columns(line)
    fault = run_macro("raw_header_fault", line, names, table.columns)
    if fault:
        raise click.ClickException(f"{where} {fault}")
    return tuple(name for name in names if name not in table.columns)


def count_broken(
    connection: duckdb.DuckDBPyConnection, relation: str, table: RawTable
) -> Iterator[Rule]:
    """
    Give every rule of the build for a raw table, and how often a file breaks it.

    Parameters
    ----------
    connection
        Where the file is read.
    relation
        The file, with all columns of the contract as strings.
    table
        What the file holds.

    """
    given = table.well_formed
    values = run_macro(
        "raw_value_rules",
        given.get("whole_numbers", {}),
        given.get("whole_days", []),
        given.get("accepted", {}),
    )
    # one pass over the file
    counts = ", ".join(f"count(*) filter (where {one['is_bad']})" for one in values)
    counted = connection.execute(f"select {counts} from {relation}").fetchone() or ()
    for one, broken in zip(values, counted, strict=True):
        yield Rule(one["column"], f"is {one['expected']}", broken)
    numbers = given.get("whole_numbers", {})
    for columns, rule in _staging_rules(table.name):
        repeated = None
        if rule in _KEYS and set(columns) <= set(table.columns):
            # 08 and 8 are one key; what is no number is told above
            key = [
                f"try_cast({name} as {numbers[name]})" if name in numbers else name
                for name in columns
            ]
            is_there = " and ".join(f"{part} is not null" for part in key)
            (repeated,) = connection.execute(
                f"select count(*) from (select {', '.join(key)} from {relation} where {is_there}"
                " group by all having count(*) > 1)"
            ).fetchone() or (0,)
        yield Rule(", ".join(columns), rule, repeated)


def _staging_rules(name: str) -> Iterator[tuple[list[str], str]]:
    """Give columns and name of each dbt test on the staging model that a raw table goes into."""
    for path in sorted((ROOT / "models" / "staging").glob("stg_*.yml")):
        (model,) = yaml.safe_load(path.read_text(encoding="utf-8"))["models"]
        if f"source('raw', '{name}')" not in str(model["data_tests"]).replace('"', "'"):
            continue
        for test in model["data_tests"]:
            ((kind, given),) = test.items()
            if kind not in _BY_NAME_ONLY:
                columns = given["arguments"].get("columns", [])
                yield columns, kind if columns else given["name"]
        for column in model["columns"]:
            for test in column.get("data_tests", []):
                yield [column["name"]], test if isinstance(test, str) else next(iter(test))
        for file in sorted((ROOT / "tests" / "dbt").glob(f"{model['name']}_*.sql")):
            yield [], file.stem

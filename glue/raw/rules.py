"""
The rules for raw files as the build has them: dbt's own macros, run on files no build has seen.

`macros/raw_rules.sql` says how a file is read and what a header and a value must be, the tests of
the staging models what must be true of the rows.
"""

import re
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

_MACROS = ROOT / "macros" / "raw_rules.sql"
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
    environment.globals["path_literals"] = lambda paths: f"[{', '.join(map(path_literal, paths))}]"
    return environment.from_string(_MACROS.read_text(encoding="utf-8")).module


@dataclass(frozen=True)
class Header:
    """
    The header of a raw file, which breaks no rule.

    Attributes
    ----------
    columns
        Names as they are written, in order.
    extra
        A sentence on columns that are ignored; empty if there are none.
    has_rows
        Whether a row follows.

    """

    columns: tuple[str, ...]
    extra: str
    has_rows: bool


def read_csv(path: Path, header: tuple[str, ...], table: RawTable) -> str:
    """Give the query that reads a raw file as the build does: strictly, every column a string."""
    sql: str = run_macro("read_raw_csv", str(path), list(header), list(table.columns))
    return sql


def first_rows(path: Path, *, ignores_others: bool = False) -> list[list[str]]:
    """
    Read the fields of a raw file's first two rows, header and all, as the build does.

    With `ignores_others` lines behind them may have more fields.

    Raises
    ------
    duckdb.Error
        If they cannot be read.

    """
    with duckdb.connect() as connection:
        query = run_macro("raw_most_fields", str(path))
        (most_fields,) = connection.execute(query).fetchone() or (None,)
        if not most_fields:
            return []
        rows = connection.execute(
            run_macro("raw_first_rows", str(path), most_fields, ignores_others)
        )
        return [fields for (fields,) in rows.fetchall()]


def read_header(where: str, path: Path, table: RawTable) -> Header:
    """
    Read a raw file's header and hold it against the contract.

    Columns may stand in any order: they are read by name. On Athena the names are those of the
    catalogue, which `check_objects` in verify.py holds against the header.

    Parameters
    ----------
    where
        What the sentence calls the file.

    Raises
    ------
    click.ClickException
        If the header breaks a rule of the build; the sentence names file and column.

    """
    try:
        rows = first_rows(path)
    except duckdb.Error as error:
        raise click.ClickException(reading_fault(where, error)) from None
    fault = run_macro("raw_header_fault", rows, table.columns)
    if fault:
        raise click.ClickException(f"{where} {fault}")
    extra = run_macro("raw_extra_columns", rows[0], table.columns)
    return Header(tuple(rows[0]), extra, has_rows=len(rows) > 1)


def reading_fault(where: str, error: duckdb.Error) -> str:
    """Say in a sentence that names file and line why DuckDB could not read a raw file."""
    told = str(error)
    if not isinstance(error, duckdb.InvalidInputException):
        return f"{where} cannot be read: {told.splitlines()[0]}."
    if "Invalid unicode" in told:
        return f"{where} is not UTF-8 text: write it as UTF-8."
    line = re.search(r"CSV Error on Line: (\d+)", told)
    widths = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", told)
    place = f"{where}, line {line[1]}" if line else where
    # DuckDB stops counting at the first field too many
    problem = (
        f"has {'fewer' if int(widths[2]) < int(widths[1]) else 'more'} fields than its header: a"
        " field that holds a comma stands in quotes"
        if widths
        else "cannot be read: a quote is not closed or stands amid a field, or a line ends in"
        " another way than the first"
    )
    return f"{place} {problem}. Mend the file, then repeat the command."


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
        given.get("keys", []),
        given.get("whole_numbers", {}),
        given.get("whole_days", {}),
        given.get("accepted", {}),
    )
    # one pass over the file
    counts = ", ".join(f"count(*) filter (where {one['is_bad']})" for one in values)
    counted = connection.execute(f"select {counts} from {relation}").fetchone() or ()
    for one, broken in zip(values, counted, strict=True):
        yield Rule(one["column"], f"is {one['expected']}", broken)
    numbers = [*given.get("keys", []), *given.get("whole_numbers", {})]
    for columns, rule in _staging_rules(table.name):
        repeated = None
        if rule in _KEYS and set(columns) <= set(table.columns):
            # 08 and 8 are one key; what is no number is told above
            key = [f"try_cast({name} as bigint)" if name in numbers else name for name in columns]
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

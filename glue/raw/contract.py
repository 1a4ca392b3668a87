"""The six raw tables as the dbt sources declare them: the one truth about names and columns."""

from dataclasses import dataclass
from pathlib import Path

import click
import yaml

from ml.tools.paths import ROOT

SOURCES = ROOT / "models" / "staging" / "raw.yml"


@dataclass(frozen=True)
class RawTable:
    """One raw table: its name, its columns in order, and whether it may have no row."""

    name: str
    columns: tuple[str, ...]
    may_be_empty: bool = False


def raw_tables(sources: Path = SOURCES) -> tuple[RawTable, ...]:
    """Read the tables of the source `raw`; every column is a string."""
    (source,) = yaml.safe_load(sources.read_text(encoding="utf-8"))["sources"]
    return tuple(
        RawTable(
            table["name"],
            tuple(column["name"] for column in table["columns"]),
            table.get("config", {}).get("meta", {}).get("may_be_empty", False),
        )
        for table in source["tables"]
    )


def header_columns(line: str) -> tuple[str, ...]:
    """Split the first line of a raw file into column names; a BOM and a CR are left out."""
    names = line.lstrip("\ufeff").rstrip("\r\n").split(",")
    return tuple(name.strip().strip('"') for name in names)


def check_header(where: str, line: str, table: RawTable) -> tuple[str, ...]:
    """
    Compare a header with the contract and give the names of columns that are more than it asks.

    Columns may stand in any order: they are read by name. On Athena the names are those of the
    catalogue, which `check_objects` in verify.py holds against the header.

    Raises
    ------
    click.ClickException
        If a column of the contract is missing; the sentence names file and column.

    """
    if not line.strip("\ufeff\r\n "):
        raise click.ClickException(f"{where} is empty: it has no header.")
    names = header_columns(line)
    expected = ",".join(table.columns)
    for delimiter, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
        if len(names) == 1 and delimiter in line:
            raise click.ClickException(
                f"{where} is separated by {word}, not by commas: write it with commas, with the"
                f" header {expected}."
            )
    missing = [name for name in table.columns if name not in names]
    if missing:
        raise click.ClickException(
            f"{where} has no column {', '.join(missing)}: its header is {','.join(names)},"
            f" expected {expected}."
        )
    if len(set(names)) < len(names):
        raise click.ClickException(
            f"{where} names a column twice: its header is {','.join(names)}."
        )
    return tuple(name for name in names if name not in table.columns)

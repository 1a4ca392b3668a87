"""Loads of order lines: found in a folder, written for Athena, found in the raw zone."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import click
import duckdb
import yaml

from glue.raw.rules import first_rows, reading_fault, run_macro
from glue.settings import LANDING
from ml.tools.paths import ROOT, text_literal
from ml.tools.s3 import Location, S3Object, list_objects

ORDER_LINES = "order_lines"
PRODUCTS = "products"
PARAMETER = "loads"
"""Of the table order_lines in the Glue catalogue: what each load is known by, and its bytes."""


@dataclass(frozen=True)
class Load:
    """The files of a load, which lie in a folder of its day, as in load_date=2017-03-05."""

    day: str
    files: tuple[Path, ...]


def is_folder_of_loads(folder: Path) -> bool:
    """Tell whether a folder holds order lines with times, load by load."""
    return (folder / ORDER_LINES).is_dir()


def find_loads(folder: Path) -> list[Load]:
    """
    Find the loads of a folder, by day.

    Raises
    ------
    click.ClickException
        If a file is in no load, or of another kind than loads are.

    """
    root = folder / ORDER_LINES
    files: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        parts = path.relative_to(root).parts
        if any(part[0] in "._" for part in parts):
            continue
        fault = run_macro("raw_load_file_fault", list(parts))
        if fault:
            raise click.ClickException(f"File {path} {fault}")
        files[parts[0].partition("=")[2]].append(path)
    if not files:
        raise click.ClickException(f"{root} holds no load: one is a folder load_date=2017-03-05.")
    return [Load(day, tuple(paths)) for day, paths in sorted(files.items())]


def products_file(folder: Path) -> Path:
    """
    Find the file of products.

    Raises
    ------
    click.ClickException
        If there is not exactly one.

    """
    names = (f"{PRODUCTS}.{kind}" for kind in ("csv", "csv.gz", "parquet"))
    found = [path for name in names if (path := folder / PRODUCTS / name).is_file()]
    if len(found) != 1:
        raise click.ClickException(
            f"{folder / PRODUCTS} holds {len(found)} files of products: keep one, products.csv."
        )
    return found[0]


def stored_name(path: Path) -> str:
    """Give the name of what `write_shop_file` writes of a file: CSV is stored plain."""
    return path.name.removesuffix(".gz")


def write_shop_file(path: Path, table: str, target: Path) -> None:
    """
    Write a file of order lines or products as both engines read it alike.

    As CSV for CSV: the columns that are read, in one order, an empty field for none, a blank for a
    character that Athena breaks at, and line_fault, which tells of that and of a wrong number of
    fields. As Parquet for Parquet.

    Parameters
    ----------
    path
        The shop's file.
    table
        ORDER_LINES or PRODUCTS.
    target
        The file to write; its suffix is .parquet if that of `path` is.

    Raises
    ------
    click.ClickException
        If the file cannot be read, or lacks a column.

    """
    columns = columns_of(table)
    is_parquet = path.suffix == ".parquet"
    try:
        with duckdb.connect() as connection:
            header = _parquet_header(connection, path) if is_parquet else None
            rows = [header] if header is not None else first_rows(path, ignores_others=True)
            fault = run_macro("raw_header_fault", rows, columns.needed, columns.optional)
            if fault:
                raise click.ClickException(f"{path} {fault}")
            query = run_macro("raw_shop_rows", [str(path)], rows[0], columns.for_macros)
            fields = [
                _field(ours, theirs)
                for ours, theirs in zip(columns.ours, columns.theirs, strict=True)
            ]
            written = f"select {', '.join(fields)}, line_fault from ({query})"
            form = (
                "format parquet"
                if is_parquet
                else "format csv, header, delimiter ',', quote '\"', escape '\"'"
            )
            connection.execute(f"copy ({written}) to {text_literal(str(target))} ({form})")
    except duckdb.Error as error:
        raise click.ClickException(reading_fault(str(path), error)) from None


def _field(ours: str, theirs: str) -> str:
    name = theirs.replace('"', '""')
    return rf"nullif(regexp_replace({ours}, '[\x00\x01\r\n]', ' ', 'g'), '') as " + f'"{name}"'


@dataclass(frozen=True)
class ShopColumns:
    """
    The columns of order lines or of products.

    Attributes
    ----------
    for_macros
        As the macros of raw_rules.sql take them.
    ours
        Their names in this project, those that are needed first.
    needed, optional
        What the shop's files call them.

    """

    for_macros: dict[str, Any]
    ours: list[str]
    needed: list[str]
    optional: list[str]

    @property
    def theirs(self) -> list[str]:
        """Give what the shop's files call them, in the order of `ours`."""
        return [*self.needed, *self.optional]


@cache
def columns_of(table: str) -> ShopColumns:
    """Give the columns of ORDER_LINES or PRODUCTS, by the names that the project is given."""
    project = yaml.safe_load((ROOT / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]
    columns: dict[str, Any] = (
        run_macro("raw_order_line_columns", project["order_lines_columns"])
        if table == ORDER_LINES
        else run_macro("raw_product_columns", project["products_columns"])
    )
    needed, optional = (
        run_macro("raw_names", columns, columns[kind]) for kind in ("needed", "optional")
    )
    return ShopColumns(columns, [*columns["needed"], *columns["optional"]], needed, optional)


def loads_in_zone(s3: Any, raw: Location) -> dict[str, list[S3Object]]:  # noqa: ANN401
    """
    Give the loads of the raw zone that have landed whole, by day.

    Returns
    -------
    dict
        By day the objects of each. A load without its marker is still on its way, and is none.

    """
    landed = {
        each.key.removeprefix(raw.key(LANDING)).partition("/")[0]
        for each in list_objects(s3, Location(raw.bucket, raw.key(LANDING)))
        if each.key.endswith("/_SUCCESS")
    }
    found: dict[str, list[S3Object]] = defaultdict(list)
    place = raw.below(ORDER_LINES)
    for each in list_objects(s3, place):
        folder, _, name = each.key.removeprefix(place.prefix).partition("/")
        day = folder.partition("=")[2]
        if day in landed and name and name[0] not in "._":
            found[day].append(each)
    return dict(sorted(found.items()))


def known_by(loads: dict[str, list[S3Object]]) -> dict[str, tuple[str, int]]:
    """Give by day what a load is known by, made of names, sizes and tags, and its bytes."""
    return {
        day: (
            _digest(f"{each.key} {each.size} {each.tag}" for each in objects),
            sum(each.size for each in objects),
        )
        for day, objects in loads.items()
    }


def marker_of(day: str) -> str:
    """Give the key of what is written last of a load, below the raw zone."""
    return f"{LANDING}{day}/_SUCCESS"


def as_parameter(loads: dict[str, tuple[str, int]]) -> str:
    """Write loads as the table's parameter holds them, which macros/loads.sql reads."""
    return json.dumps(loads, separators=(",", ":"))


def _digest(texts: Iterable[str]) -> str:
    return hashlib.md5("\n".join(sorted(texts)).encode(), usedforsecurity=False).hexdigest()


def _parquet_header(connection: duckdb.DuckDBPyConnection, path: Path) -> list[str]:
    rows = connection.execute(run_macro("raw_parquet_names", str(path))).fetchall()
    return [name for (name,) in rows]

"""Catalogue and objects of a raw zone that holds loads of order lines, held against the sources."""

import io
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import click
import duckdb
import pyarrow.parquet

from glue.raw.catalogue import partitions
from glue.raw.drift import Drift, csv_storage_faults, head_of, location_fault
from glue.raw.loads import ORDER_LINES, PRODUCTS, columns_of
from glue.raw.rules import first_rows, reading_fault, run_macro
from ml.tools.s3 import Location, S3Object, list_objects

_AT_ONCE = 16  # objects whose heads are read side by side
_FOOTER = 1 << 20  # bytes at the end of a Parquet object: its columns stand there


def check_loads(
    s3: Any,  # noqa: ANN401
    glue: Any,  # noqa: ANN401
    raw: Location,
    tables: dict[str, dict[str, Any]],
    loads: dict[str, list[S3Object]],
) -> tuple[list[Drift], list[str]]:
    """
    Compare order lines and products with what the build reads of them.

    Of each object only the end that names its columns is read, of all loads: what was right once
    may have been written again.

    Parameters
    ----------
    s3, glue
        Clients.
    raw
        The raw zone.
    tables
        Tables as Glue describes them, by name.
    loads
        The objects of the loads that have landed, by day.

    Returns
    -------
    tuple
        What drifted, and notes on columns that are more than the sources ask.

    """
    drifts: list[Drift] = []
    notes: list[str] = []
    for name in (ORDER_LINES, PRODUCTS):
        found = tables.get(name)
        if found is None:
            drifts.append(Drift(name, "table", "there", "missing"))
            continue
        drifts += _check_table(name, found, raw, notes)
    strangers = sorted(tables.keys() - {ORDER_LINES, PRODUCTS})
    drifts += [Drift(name, "table", "no such table beside loads", "there") for name in strangers]
    if drifts:
        return drifts, notes
    catalogued = partitions(glue, tables[ORDER_LINES])
    drifts += [
        Drift(ORDER_LINES, f"partition load_date={day}", "there", "missing")
        for day in loads
        if day not in catalogued
    ]
    keys = [
        (ORDER_LINES, each.key.removeprefix(raw.prefix))
        for objects in loads.values()
        for each in objects
    ]
    keys += [(PRODUCTS, key) for key in _product_keys(s3, raw, drifts)]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for found_drifts in pool.map(partial(_check_object, s3, raw, tables), keys):
            drifts += found_drifts
    return drifts, notes


def _check_table(name: str, found: dict[str, Any], raw: Location, notes: list[str]) -> list[Drift]:
    columns = columns_of(name)
    is_csv = found.get("Parameters", {}).get("classification") == "csv"
    types = {column["Name"]: column["Type"] for column in found["StorageDescriptor"]["Columns"]}
    drifts = [
        Drift(
            name, f"column {column}", "string" if is_csv else "there", types.get(column, "missing")
        )
        for column in columns.needed
        # a catalogue has no capital letters
        if column.lower() not in types or (is_csv and types[column.lower()] != "string")
    ]
    lower = [column.lower() for column in (*columns.theirs, "line_fault")]
    if extra := run_macro("raw_extra_columns", list(types), lower):
        notes.append(f"{name}: {extra}")
    keys = [key["Name"] for key in found.get("PartitionKeys", [])]
    expected = ["load_date"] if name == ORDER_LINES else []
    if keys != expected:
        drifts.append(
            Drift(name, "partition", ", ".join(expected) or "none", ", ".join(keys) or "none")
        )
    return drifts + (csv_storage_faults if is_csv else location_fault)(name, found, raw)


def _product_keys(s3: Any, raw: Location, drifts: list[Drift]) -> list[str]:  # noqa: ANN401
    place = raw.below(PRODUCTS)
    keys = [
        each.key.removeprefix(raw.prefix)
        for each in list_objects(s3, place)
        if not each.key.endswith("/")
    ]
    if len(keys) != 1:
        seen = ", ".join(keys) or "missing"
        drifts.append(Drift(PRODUCTS, "object", "one file of products", seen))
    return keys


def _check_object(
    s3: Any,  # noqa: ANN401
    raw: Location,
    tables: dict[str, dict[str, Any]],
    table_and_key: tuple[str, str],
) -> list[Drift]:
    name, key = table_and_key
    columns = columns_of(name)
    is_parquet = key.endswith(".parquet")
    try:
        rows = [_parquet_columns(s3, raw, key)] if is_parquet else _first_rows(s3, raw, key)
    except click.ClickException as problem:
        return [Drift(name, "object", "readable", problem.message)]
    if fault := run_macro("raw_header_fault", rows, columns.needed, columns.optional):
        return [Drift(name, "header", ",".join(columns.needed), f"{raw}{key} {fault}")]
    if is_parquet:
        return []  # read by name
    if len(rows) == 1:
        return [Drift(name, "rows", "at least one", f"none in {key}")]
    catalogued = [column["Name"] for column in tables[name]["StorageDescriptor"]["Columns"]]
    header = [column.lower() for column in rows[0]]
    if header != catalogued:
        expected = f"{','.join(catalogued)}, as catalogued"
        seen = f"{','.join(rows[0])} in {key}; the table is read by position: write it in its order"
        return [Drift(name, "header", expected, seen)]
    return []


def _first_rows(s3: Any, raw: Location, key: str) -> list[list[str]]:  # noqa: ANN401
    with head_of(s3, raw, key) as path:
        try:
            return first_rows(path, ignores_others=True)
        except duckdb.Error as error:
            raise click.ClickException(reading_fault(f"{raw}{key}", error)) from None


def _parquet_columns(s3: Any, raw: Location, key: str) -> list[str]:  # noqa: ANN401
    end = s3.get_object(Bucket=raw.bucket, Key=raw.key(key), Range=f"bytes=-{_FOOTER}")["Body"]
    try:
        schema = pyarrow.parquet.read_schema(io.BytesIO(end.read()))
    except (OSError, pyarrow.ArrowInvalid) as error:
        raise click.ClickException(f"{raw}{key} is no Parquet file ({error})") from None
    return list(schema.names)

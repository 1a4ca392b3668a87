"""The catalogue and the raw objects against the contract: the gate between crawl and dbt build."""

from typing import Any

import click

from glue.raw.catalogue import catalogue
from glue.raw.contract import RawTable, raw_tables
from glue.raw.drift import Drift, csv_storage_faults, head_of
from glue.raw.loads import loads_in_zone
from glue.raw.locations import location_faults
from glue.raw.rules import Header, read_header, run_macro
from glue.raw.verify_loads import check_loads
from glue.settings import Settings, read_settings
from ml.tools.aws import client
from ml.tools.s3 import Location, list_objects
from ml.tools.terminal import print_table


@click.command()
def verify() -> None:
    """Compare catalogue and raw objects with the dbt sources; any drift ends with exit code 1."""
    verify_raw_zone(read_settings())


def verify_raw_zone(settings: Settings) -> None:
    """
    Compare catalogue and raw objects with the contract; print what drifted as a table.

    Raises
    ------
    click.ClickException
        If anything drifted, or raw files do not lie apart from what is written.

    """
    s3, glue = client("s3"), client("glue")
    tables = catalogue(glue, settings.raw_database)
    loads = loads_in_zone(s3, settings.raw)
    if loads:
        sources, checked = "models/staging/order_lines/raw_loads.yml", f"{len(loads)} loads"
        drifts, notes = check_loads(s3, glue, settings.raw, tables, loads)
    else:
        sources, checked = "models/staging/raw.yml", f"{len(raw_tables())} tables"
        drifts, notes = check_catalogue(tables, settings.raw)
        object_drifts, object_notes = check_objects(s3, settings.raw, tables)
        drifts, notes = drifts + object_drifts, notes + object_notes
    for note in dict.fromkeys(notes):
        click.echo(note)
    faults = location_faults(settings, client("athena"), client("s3"))
    for fault in faults:
        click.echo(fault)
    if faults and not drifts:
        raise click.ClickException(faults[0])
    if drifts:
        rows = [(drift.table, drift.what, drift.expected, drift.found) for drift in drifts]
        print_table(("table", "what", "expected", "found"), rows, left=4)
        first = drifts[0]
        found = first.found.removesuffix(".")
        raise click.ClickException(
            f"The raw zone {settings.raw} and the database {settings.raw_database} differ from"
            f" {sources} in {len(drifts)} points, first {first.table}, {first.what}:"
            f" expected {first.expected}, found {found}. Mend the files or the catalogue, then run"
            " it again."
        )
    click.echo(
        f"{checked} of {settings.raw_database} and their objects in {settings.raw} are as {sources}"
        " says"
    )


def check_catalogue(
    tables: dict[str, dict[str, Any]], raw: Location
) -> tuple[list[Drift], list[str]]:
    """
    Compare the tables of the raw database with the contract.

    Parameters
    ----------
    tables
        Tables as Glue describes them, by name.
    raw
        The raw zone; each table's place is its name below it.

    Returns
    -------
    tuple
        What drifted, and notes on columns that are more than the contract asks.

    """
    drifts: list[Drift] = []
    notes: list[str] = []
    contract = raw_tables()
    for table in contract:
        found = tables.get(table.name)
        if found is None:
            drifts.append(Drift(table.name, "table", "there", "missing"))
            continue
        drifts += _check_columns(table, found, notes)
        drifts += csv_storage_faults(table.name, found, raw)
    strangers = sorted(tables.keys() - {table.name for table in contract})
    return drifts + [Drift(name, "table", "no such table", "there") for name in strangers], notes


def _check_columns(table: RawTable, found: dict[str, Any], notes: list[str]) -> list[Drift]:
    columns = {column["Name"]: column["Type"] for column in found["StorageDescriptor"]["Columns"]}
    drifts = [
        Drift(table.name, f"column {name}", "string", columns.get(name, "missing"))
        for name in table.columns
        if columns.get(name) != "string"
    ]
    if extra := run_macro("raw_extra_columns", list(columns), table.columns):
        notes.append(f"{table.name}: {extra}")
    return drifts + [
        Drift(table.name, "partition", "none", key["Name"])
        for key in found.get("PartitionKeys", [])
    ]


def check_objects(
    s3: Any,  # noqa: ANN401
    raw: Location,
    tables: dict[str, dict[str, Any]],
) -> tuple[list[Drift], list[str]]:
    """
    Check that each table's prefix holds exactly one CSV object, with the columns of the contract.

    OpenCSVSerDe reads by position and takes the names from the catalogue, so header and catalogue
    have to give each column of the contract the same place.

    Parameters
    ----------
    s3
        Client of S3.
    raw
        The raw zone.
    tables
        Tables as Glue describes them, by name.

    Returns
    -------
    tuple
        What drifted, and notes on columns that are more than the contract asks.

    """
    drifts: list[Drift] = []
    notes: list[str] = []
    for table in raw_tables():
        expected = (f"{table.name}/{table.name}.csv", f"{table.name}/{table.name}.csv.gz")
        keys = _keys(s3, raw, table.name)
        present = [key for key in keys if key in expected]
        drifts += [
            Drift(table.name, "object", expected[0], f"also {key}")
            for key in [*present[1:], *(key for key in keys if key not in expected)]
        ]
        if not present:
            drifts.append(Drift(table.name, "object", expected[0], "missing"))
            continue
        try:
            header = _header(s3, raw, present[0], table)
        except click.ClickException as problem:
            drifts.append(Drift(table.name, "header", ",".join(table.columns), problem.message))
            continue
        if header.extra:
            notes.append(f"{table.name}: {header.extra}")
        drifts += _check_places(table, header.columns, tables.get(table.name))
        if not table.may_be_empty and not header.has_rows:
            drifts.append(Drift(table.name, "rows", "at least one", f"none in {present[0]}"))
    return drifts, notes


def _check_places(
    table: RawTable, header: tuple[str, ...], found: dict[str, Any] | None
) -> list[Drift]:
    """Compare the places of the contract's columns in the header and in the catalogue."""
    if found is None:
        return []
    catalogued = [column["Name"] for column in found["StorageDescriptor"]["Columns"]]
    if all(
        name not in catalogued or header.index(name) == catalogued.index(name)
        for name in table.columns
    ):
        return []  # a column that the catalogue lacks is told where that is checked
    is_read = f"{','.join(header)}; the table is read by position: drop it, then crawl again"
    return [Drift(table.name, "header", f"{','.join(catalogued)}, as catalogued", is_read)]


def _keys(s3: Any, raw: Location, table: str) -> list[str]:  # noqa: ANN401
    keys = (found.key.removeprefix(raw.prefix) for found in list_objects(s3, raw.below(table)))
    # a console makes an empty object for a folder; Athena reads nothing from it
    return sorted(key for key in keys if not key.endswith("/"))


def _header(s3: Any, raw: Location, key: str, table: RawTable) -> Header:  # noqa: ANN401
    with head_of(s3, raw, key) as path:
        return read_header(f"{raw}{key}", path, table)

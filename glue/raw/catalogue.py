"""What the Glue catalogue says of the raw tables, and the one thing that no crawler can set."""

from typing import Any

import click
from botocore.exceptions import ClientError

from glue.raw.contract import raw_tables
from glue.raw.loads import (
    ORDER_LINES,
    PARAMETER,
    PRODUCTS,
    as_parameter,
    known_by,
    loads_in_zone,
)
from ml.tools.aws import error_code
from ml.tools.s3 import Location

OPEN_CSV_SERDE = "org.apache.hadoop.hive.serde2.OpenCSVSerde"
# OpenCSVSerDe takes a backslash for an escape and breaks names written with \"": a character that
# no file holds switches that off. Neither crawler nor classifier can set it.
ESCAPE_CHAR = "\u0001"


def catalogue(glue: Any, database: str) -> dict[str, dict[str, Any]]:  # noqa: ANN401
    """
    Read every table of a Glue database, by name.

    Raises
    ------
    click.ClickException
        If there is no such database.

    """
    tables: dict[str, dict[str, Any]] = {}
    try:
        for page in glue.get_paginator("get_tables").paginate(DatabaseName=database):
            tables |= {table["Name"]: table for table in page["TableList"]}
    except ClientError as error:
        if error_code(error) != "EntityNotFoundException":
            raise
        raise click.ClickException(
            f"There is no Glue database {database}: run `python -m glue deploy` first, or set"
            " ATHENA_RAW_SCHEMA."
        ) from None
    return tables


def fix_serde(glue: Any, database: str) -> list[str]:  # noqa: ANN401
    """
    Set the SerDe's escapeChar of the raw tables, and every column's type to string.

    The SerDe reads text, whatever type a crawler inferred of it. The crawler's UpdateBehavior LOG
    leaves both as they are, so one call after the first crawl lasts.

    Returns
    -------
    list of str
        Names of the tables that were changed.

    """
    tables = catalogue(glue, database)
    fixed = []
    names = {*(table.name for table in raw_tables()), ORDER_LINES, PRODUCTS}
    for name in sorted(names & tables.keys()):
        table = tables[name]
        serde = table["StorageDescriptor"]["SerdeInfo"]
        parameters = serde.setdefault("Parameters", {})
        is_open_csv = serde.get("SerializationLibrary") == OPEN_CSV_SERDE
        columns = table["StorageDescriptor"]["Columns"]
        is_text = all(column["Type"] == "string" for column in columns)
        if is_open_csv and not (is_text and parameters.get("escapeChar") == ESCAPE_CHAR):
            parameters["escapeChar"] = ESCAPE_CHAR
            for column in columns:
                column["Type"] = "string"
            glue.update_table(DatabaseName=database, TableInput=table_input(table))
            fixed.append(name)
    return fixed


def catalogue_loads(glue: Any, s3: Any, raw: Location, database: str) -> list[str]:  # noqa: ANN401
    """
    Make a partition of order_lines for each load that landed, and write down how each is known.

    A crawler copies the table's description to the partitions that it makes, and with it an escape
    character that was wrong: each partition is given the table's own. How loads are known stands
    in a parameter of the table, where the build finds it without reading a line.

    Returns
    -------
    list of str
        The days whose partitions were made or changed.

    Raises
    ------
    click.ClickException
        If the zone holds loads and the catalogue has no table of them.

    """
    loads = loads_in_zone(s3, raw)
    if not loads:
        return []
    tables = catalogue(glue, database)
    if ORDER_LINES not in tables:
        raise click.ClickException(
            f"{raw} holds loads, and {database} has no table {ORDER_LINES}: run"
            " `python -m glue crawl`."
        )
    table = tables[ORDER_LINES]
    where = {"DatabaseName": database, "TableName": ORDER_LINES}
    known = partitions(glue, table)
    changed = []
    for day in loads:
        partition = {
            "Values": [day],
            "StorageDescriptor": table["StorageDescriptor"]
            | {"Location": f"{raw.below(ORDER_LINES)}load_date={day}/"},
        }
        if day not in known:
            glue.create_partition(**where, PartitionInput=partition)
        elif _read_by(known[day]) != _read_by(partition):
            glue.update_partition(**where, PartitionValueList=[day], PartitionInput=partition)
        else:
            continue
        changed.append(day)
    parameter = as_parameter(known_by(loads))
    if table.get("Parameters", {}).get(PARAMETER) != parameter:
        table["Parameters"] = table.get("Parameters", {}) | {PARAMETER: parameter}
        glue.update_table(DatabaseName=database, TableInput=table_input(table))
    return changed


def partitions(glue: Any, table: dict[str, Any]) -> dict[str, dict[str, Any]]:  # noqa: ANN401
    """Read the partitions of a table that has one partition column, by its value."""
    pages = glue.get_paginator("get_partitions").paginate(
        DatabaseName=table["DatabaseName"], TableName=table["Name"]
    )
    return {entry["Values"][0]: entry for page in pages for entry in page["Partitions"]}


def _read_by(entry: dict[str, Any]) -> tuple[Any, ...]:
    storage = entry["StorageDescriptor"]
    columns = [(column["Name"], column["Type"]) for column in storage["Columns"]]
    return columns, storage["SerdeInfo"].get("Parameters"), storage["Location"].rstrip("/")


def table_input(table: dict[str, Any]) -> dict[str, Any]:
    """Keep of a table what UpdateTable takes back."""
    accepted = {
        "Name",
        "Description",
        "Owner",
        "Retention",
        "StorageDescriptor",
        "PartitionKeys",
        "TableType",
        "Parameters",
    }
    return {key: value for key, value in table.items() if key in accepted}

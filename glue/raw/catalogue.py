"""What the Glue catalogue says of the raw tables, and the one thing that no crawler can set."""

from typing import Any

import click
from botocore.exceptions import ClientError

from glue.raw.contract import raw_tables
from ml.tools.aws import error_code

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
    Set the SerDe's escapeChar of the raw tables where it is another, and give their names.

    The crawler's UpdateBehavior LOG leaves it as it is, so one call after the first crawl lasts.
    """
    tables = catalogue(glue, database)
    fixed = []
    for name in (table.name for table in raw_tables() if table.name in tables):
        table = tables[name]
        serde = table["StorageDescriptor"]["SerdeInfo"]
        parameters = serde.setdefault("Parameters", {})
        is_open_csv = serde.get("SerializationLibrary") == OPEN_CSV_SERDE
        if is_open_csv and parameters.get("escapeChar") != ESCAPE_CHAR:
            parameters["escapeChar"] = ESCAPE_CHAR
            glue.update_table(DatabaseName=database, TableInput=_input(table))
            fixed.append(name)
    return fixed


def _input(table: dict[str, Any]) -> dict[str, Any]:
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

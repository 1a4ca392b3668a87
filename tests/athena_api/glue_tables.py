"""Hive DDL as Athena runs it, outside the SQL engine: every statement becomes calls to Glue."""

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from tests.athena_api.clients import GlueClient
from tests.athena_api.statements import (
    QueryError,
    Result,
    bare_statement,
    in_parentheses,
    split_at_commas,
    table_name,
)

if TYPE_CHECKING:
    from collections.abc import Callable


Table = dict[str, Any]

# what an entry that is read has in common with one that is written
TABLE_INPUT = (
    *("Name", "Description", "Retention", "StorageDescriptor", "PartitionKeys"),
    *("ViewOriginalText", "ViewExpandedText", "TableType", "Parameters"),
)


class FileFormat(NamedTuple):
    """The classes that Hive reads and writes a file format with."""

    input_format: str
    output_format: str
    serde: str


TEXT = FileFormat(
    "org.apache.hadoop.mapred.TextInputFormat",
    "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
    "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
)
PARQUET = FileFormat(
    "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
)

_NAME = r"([\w\"`.$-]+)"
_TEXT = r"(?:'((?:[^']|'')*)'|\"((?:[^\"]|\"\")*)\")"


def storage(
    columns: list[dict[str, str]], location: str, files: FileFormat, **serde_parameters: str
) -> dict[str, Any]:
    """Give a Glue StorageDescriptor."""
    return {
        "Columns": columns,
        "Location": location,
        "InputFormat": files.input_format,
        "OutputFormat": files.output_format,
        "SerdeInfo": {
            "SerializationLibrary": files.serde,
            "Parameters": serde_parameters or {"serialization.format": "1"},
        },
        "Compressed": False,
        "NumberOfBuckets": -1,
        "StoredAsSubDirectories": False,
    }


class GlueTables:
    """Tables of the Glue catalog, as DDL statements see them."""

    def __init__(self, glue: GlueClient) -> None:
        self._glue = glue

    def find(self, database: str, name: str) -> Table | None:
        """Give a table's entry, or None if there is none."""
        try:
            return dict(self._glue.get_table(DatabaseName=database, Name=name)["Table"])
        except ClientError as error:
            if error.response["Error"]["Code"] == "EntityNotFoundException":
                return None
            raise

    def partitions(self, database: str, name: str) -> list[dict[str, Any]]:
        """Give the entries of a table's partitions."""
        pages = self._glue.get_paginator("get_partitions").paginate(
            DatabaseName=database, TableName=name
        )
        return [dict(partition) for page in pages for partition in page["Partitions"]]

    def run(self, sql: str, database: str) -> Result:
        """
        Run a DDL statement.

        Raises
        ------
        QueryError
            With Hive's message, if it cannot be run.
        """
        statements: tuple[tuple[str, Callable[..., None]], ...] = (
            (rf"create\s+(?:database|schema)\s+(if\s+not\s+exists\s+)?{_NAME}", self._create_db),
            (
                rf"create\s+external\s+table\s+(if\s+not\s+exists\s+)?{_NAME}\s*(\(.*)",
                self._create_external,
            ),
            (rf"drop\s+(?:table|view)\s+(if\s+exists\s+)?{_NAME}", self._drop),
            (rf"alter\s+table\s+{_NAME}\s+set\s+tblproperties\s*(\(.*)", self._set_properties),
        )
        statement = bare_statement(sql)
        for pattern, run in statements:
            if found := re.fullmatch(pattern + r"\s*", statement, re.IGNORECASE | re.DOTALL):
                run(database, *found.groups())
                return Result()
        raise QueryError(f"FAILED: ParseException: the stand-in does not run '{statement[:60]}'")

    def _create_db(self, _: str, if_not_exists: str | None, name: str) -> None:
        database = table_name(name, "")[1]
        try:
            self._glue.create_database(DatabaseInput={"Name": database})
        except ClientError as error:
            if error.response["Error"]["Code"] != "AlreadyExistsException":
                raise
            if not if_not_exists:
                raise QueryError(f"FAILED: Database {database} already exists") from error

    def _create_external(
        self, database: str, if_not_exists: str | None, name: str, rest: str
    ) -> None:
        schema, table = table_name(name, database)
        columns, tail = in_parentheses(rest)
        location = re.search(r"\blocation\s+'([^']+)'", tail, re.IGNORECASE)
        if not location:
            raise QueryError("FAILED: SemanticException CREATE EXTERNAL TABLE needs LOCATION")
        serde = re.search(r"row\s+format\s+serde\s+'([^']+)'", tail, re.IGNORECASE)
        files = TEXT._replace(serde=serde[1]) if serde else TEXT
        if re.search(r"\bstored\s+as\s+parquet\b", tail, re.IGNORECASE):
            files = PARQUET
        parameters = _properties_after(r"with\s+serdeproperties", tail)
        partitioned = re.search(r"\bpartitioned\s+by\s*(?=\()", tail, re.IGNORECASE)
        keys = in_parentheses(tail[partitioned.end() :])[0] if partitioned else ""
        entry = {
            "Name": table,
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {"EXTERNAL": "TRUE"} | _properties_after("tblproperties", tail),
            "PartitionKeys": _columns(keys),
            "StorageDescriptor": storage(_columns(columns), location[1], files, **parameters),
        }
        try:
            self._glue.create_table(DatabaseName=schema, TableInput=entry)
        except ClientError as error:
            if error.response["Error"]["Code"] != "AlreadyExistsException":
                raise
            if not if_not_exists:
                raise QueryError(f"FAILED: Table {table} already exists") from error

    def _drop(self, database: str, if_exists: str | None, name: str) -> None:
        schema, table = table_name(name, database)
        if self.find(schema, table):
            self._glue.delete_table(DatabaseName=schema, Name=table)
        elif not if_exists:
            raise QueryError(
                f"FAILED: SemanticException [Error 10001]: Table not found {schema}.{table}"
            )

    def _set_properties(self, database: str, name: str, properties: str) -> None:
        schema, table = table_name(name, database)
        entry = self.find(schema, table)
        if entry is None:
            raise QueryError(
                f"FAILED: SemanticException [Error 10001]: Table not found {schema}.{table}"
            )
        table_input = {key: entry[key] for key in TABLE_INPUT if key in entry}
        table_input["Parameters"] = entry.get("Parameters", {}) | _properties(properties)
        self._glue.update_table(DatabaseName=schema, TableInput=table_input)


def hive_type(engine_type: str) -> str:
    """Give the name that the catalog has for a plain type of the engine."""
    name = engine_type.lower()
    return {"varchar": "string", "integer": "int", "real": "float"}.get(name, name)


def _columns(text: str) -> list[dict[str, str]]:
    columns = []
    for column in split_at_commas(text):
        name, _, type_name = column.partition(" ")
        if not type_name.strip():
            raise QueryError(f"FAILED: ParseException bad column definition: {column}")
        plain_type = re.sub(r"\s+", "", type_name).lower()
        if plain_type in (
            "integer",
            "varchar",
        ):  # names of queries; tables are declared with Hive's
            raise QueryError(f"FAILED: ParseException cannot recognize type {plain_type} in {name}")
        columns.append({"Name": name.strip('`"').lower(), "Type": plain_type})
    return columns


def _properties_after(keyword: str, text: str) -> dict[str, str]:
    found = re.search(rf"\b{keyword}\s*(?=\()", text, re.IGNORECASE)
    return _properties(text[found.end() :]) if found else {}


def _properties(text: str) -> dict[str, str]:
    """Read 'key'='value' pairs in parentheses; either kind of quote, so that '"' can be a value."""
    inside, _ = in_parentheses(text)
    pairs = re.findall(_TEXT + r"\s*=\s*" + _TEXT, inside)
    return {
        (key or other_key).replace("''", "'"): (value or other_value).replace("''", "'")
        for key, other_key, value, other_value in pairs
    }

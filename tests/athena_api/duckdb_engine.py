"""Runs Athena's SQL on DuckDB, for machines without Java: same catalog and files."""

import base64
import hashlib
import json
import re
import threading
import urllib.parse
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import sqlglot
from sqlglot import exp

from ml.tools.paths import path_literal
from ml.tools.paths import text_literal as _literal
from tests.athena_api.clients import GlueClient, S3Client, bucket_and_key, list_objects
from tests.athena_api.glue_tables import PARQUET, GlueTables, Table, hive_type, storage
from tests.athena_api.statements import (
    MAX_PARTITIONS_WRITTEN,
    Kind,
    QueryError,
    Result,
    bare_statement,
    parse_create_table_as,
    table_name,
)

if TYPE_CHECKING:
    from collections.abc import Callable

NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"
# the names that Trino's errors have, by DuckDB's
ERROR_NAMES = {
    "BinderException": "COLUMN_NOT_FOUND",
    "ParserException": "SYNTAX_ERROR",
    "CatalogException": "FUNCTION_NOT_FOUND",
    "ConversionException": "INVALID_CAST_ARGUMENT",
}


class DuckDBEngine:
    """
    An engine that translates each statement to DuckDB's dialect.

    Bytes scanned are the sizes of all files of the tables that a query names: DuckDB is given whole
    files, whatever columns it reads of them.

    Parameters
    ----------
    glue, s3
        Clients of the catalog and the storage.
    work
        Folder for copies of the files; made if missing.
    """

    name = "duckdb"

    def __init__(self, glue: GlueClient, s3: S3Client, work: Path) -> None:
        self._glue = glue
        self._s3 = s3
        self._tables = GlueTables(glue)
        self._work = work
        self._lock = threading.Lock()
        work.mkdir(parents=True, exist_ok=True)

    def run(self, sql: str, kind: Kind, database: str, cancelled: threading.Event) -> Result:
        """Run a statement."""
        statements: dict[str, Callable[[_Session, str], Result]] = {
            "SELECT": self._select,
            "CREATE_TABLE_AS_SELECT": self._create_table,
            "INSERT": self._insert,
            "CREATE_VIEW": self._create_view,
        }
        if kind.substatement_type not in statements:
            raise QueryError(f"NOT_SUPPORTED: {kind.substatement_type} on the DuckDB engine")
        with duckdb.connect(config={"threads": 2}) as connection:
            session = _Session(connection, database)
            try:
                result = statements[kind.substatement_type](session, bare_statement(sql))
            except duckdb.Error as error:
                name = ERROR_NAMES.get(type(error).__name__, "GENERIC_USER_ERROR")
                message = str(error).split("\n", 1)[0]
                raise QueryError(f"{name}: {message}", scanned_bytes=session.bytes) from error
            if cancelled.is_set():
                raise QueryError("Query was cancelled", scanned_bytes=session.bytes)
            result.scanned_bytes = session.bytes
            return result

    def _select(self, session: "_Session", statement: str) -> Result:
        query = self._translated(session, statement)
        columns = [(name, athena_type(kind)) for name, kind in session.columns(query)]
        rows = session.connection.execute(query).fetchall()
        return Result(columns, [[athena_text(value) for value in row] for row in rows])

    def _create_view(self, session: "_Session", statement: str) -> Result:
        pattern = r"create\s+(or\s+replace\s+)?view\s+(\S+)\s+as\s+(.*)"
        found = re.fullmatch(pattern, statement, re.IGNORECASE | re.DOTALL)
        if not found:
            raise QueryError("SYNTAX_ERROR: expected CREATE OR REPLACE VIEW name AS query")
        database, name = table_name(found[2], session.database)
        columns = session.columns(self._translated(session, found[3]))
        session.bytes = 0
        text = {
            "originalSql": found[3],
            "catalog": "awsdatacatalog",
            "schema": session.database,
            "columns": [{"name": name, "type": athena_type(kind)} for name, kind in columns],
        }
        entry = {
            "Name": name,
            "TableType": "VIRTUAL_VIEW",
            "Parameters": {"presto_view": "true", "comment": "Presto View"},
            "PartitionKeys": [],
            "StorageDescriptor": {"Columns": _catalog_columns(columns), "Location": ""},
            "ViewOriginalText": f"/* Presto View: {_encoded(text)} */",
            "ViewExpandedText": "/* Presto View */",
        }
        existing = self._tables.find(database, name)
        if existing and (not found[1] or existing["TableType"] != "VIRTUAL_VIEW"):
            raise QueryError(f"ALREADY_EXISTS: View already exists: {database}.{name}")
        write = self._glue.update_table if existing else self._glue.create_table
        write(DatabaseName=database, TableInput=entry)
        return Result()

    def _create_table(self, session: "_Session", statement: str) -> Result:
        new = parse_create_table_as(statement, session.database)
        if new.file_format != "parquet":
            raise QueryError(f"NOT_SUPPORTED: format {new.file_format} on the DuckDB engine")
        if self._tables.find(new.database, new.table):
            raise QueryError(
                f"TABLE_ALREADY_EXISTS: line 1:1: Destination table 'awsdatacatalog.{new.database}."
                f"{new.table}' already exists"
            )
        columns = session.columns(query := self._translated(session, new.query))
        keys = new.partitioned_by
        if keys and [name for name, _ in columns][-len(keys) :] != keys:
            raise QueryError(
                "HIVE_COLUMN_ORDER_MISMATCH: Partition keys must be the last columns in the table"
                f" and in the same order as the table properties: {keys}"
            )
        stored = len(columns) - len(keys)
        descriptor = storage(_catalog_columns(columns[:stored]), new.location or "", PARQUET)
        count = session.store(query, columns)
        partitions = self._write(session, descriptor, keys)
        self._glue.create_table(
            DatabaseName=new.database,
            TableInput={
                "Name": new.table,
                "TableType": "EXTERNAL_TABLE",
                "Parameters": {"EXTERNAL": "TRUE"},
                "PartitionKeys": _catalog_columns(columns[stored:]),
                "StorageDescriptor": descriptor,
            },
        )
        self._add_partitions(new.database, new.table, descriptor, partitions)
        return Result(update_count=count)

    def _insert(self, session: "_Session", statement: str) -> Result:
        pattern = r"insert\s+into\s+([\w\"`.$-]+)\s*(?:\(([^()]*)\)\s*)?(.*)"
        found = re.fullmatch(pattern, statement, re.IGNORECASE | re.DOTALL)
        database, name = table_name(found[1], session.database) if found else ("", "")
        table = self._tables.find(database, name)
        if not found or not table:
            raise QueryError(f"TABLE_NOT_FOUND: Table '{database}.{name}' does not exist")
        keys = [key["Name"] for key in table["PartitionKeys"]]
        catalogued = table["StorageDescriptor"]["Columns"] + table["PartitionKeys"]
        written = [part.strip(' "\n') for part in (found[2] or "").split(",") if part.strip()]
        query = self._translated(session, found[3])
        names = ", ".join(_name(n) for n in written or [c["Name"] for c in catalogued])
        ordered = ", ".join(_name(column["Name"]) for column in catalogued)
        columns = [(column["Name"], duckdb_type(column["Type"])) for column in catalogued]
        count = session.store(f"select {ordered} from ({query}) as t ({names})", columns)
        partitions = self._write(session, table["StorageDescriptor"], keys)
        known = {tuple(entry["Values"]) for entry in self._tables.partitions(database, name)}
        new = {values: place for values, place in partitions.items() if values not in known}
        self._add_partitions(database, name, table["StorageDescriptor"], new)
        return Result(update_count=count)

    def _write(
        self, session: "_Session", descriptor: dict[str, Any], keys: list[str]
    ) -> dict[tuple[str, ...], str]:
        """Write table `stored` to S3, a file per partition; give values and locations."""
        names = ", ".join(_name(column["Name"]) for column in descriptor["Columns"])
        texts = ", ".join(f"cast({_name(key)} as varchar)" for key in keys)
        found = session.connection.execute(f"select distinct {texts or 1} from stored").fetchall()
        if keys and len(found) > MAX_PARTITIONS_WRITTEN:
            raise QueryError(
                f"HIVE_TOO_MANY_OPEN_PARTITIONS: Exceeded limit of {MAX_PARTITIONS_WRITTEN} open"
                " writers for partitions/buckets"
            )
        locations = {}
        for row in found:
            values = tuple(NULL_PARTITION if v is None else str(v) for v in row) if keys else ()
            location = descriptor["Location"].rstrip("/")
            condition = "true"
            for key, value in zip(keys, row, strict=False):
                shown = NULL_PARTITION if value is None else urllib.parse.quote(value, safe=" -_.:")
                location += f"/{key}={shown}"
                condition += f" and cast({_name(key)} as varchar) is not distinct from "
                condition += "null" if value is None else _literal(value)
            file = self._work / uuid.uuid4().hex
            session.connection.execute(
                f"copy (select {names} from stored where {condition}) to {_literal(str(file))}"
                " (format parquet)"
            )
            bucket, prefix = bucket_and_key(location)
            self._s3.upload_file(str(file), bucket, f"{prefix}/{file.name}.parquet")
            file.unlink()
            if keys:
                locations[values] = location
        return locations

    def _add_partitions(
        self,
        database: str,
        table: str,
        descriptor: dict[str, Any],
        partitions: dict[tuple[str, ...], str],
    ) -> None:
        if partitions:
            self._glue.batch_create_partition(
                DatabaseName=database,
                TableName=table,
                PartitionInputList=[
                    {
                        "Values": list(values),
                        "StorageDescriptor": descriptor | {"Location": place},
                        "Parameters": {},
                    }
                    for values, place in partitions.items()
                ],
            )

    # reading

    def _translated(self, session: "_Session", query: str, database: str | None = None) -> str:
        """Give a query in DuckDB's words, over views of the tables that it names."""
        try:
            tree = sqlglot.parse_one(query, read="athena")
        except sqlglot.errors.ParseError as error:
            raise QueryError(f"SYNTAX_ERROR: {error.errors[0]['description']}") from error
        own = {expression.alias_or_name.lower() for expression in tree.find_all(exp.CTE)}
        for table in list(tree.find_all(exp.Table)):
            if not isinstance(table.this, exp.Identifier):
                continue
            if not table.db and table.name.lower() in own:
                continue
            schema = (table.db or database or session.database).lower()
            name = table.name.lower()
            self._register(session, schema, name)
            table.set("catalog", None)
            table.set("db", exp.to_identifier(schema, quoted=True))
            table.set("this", exp.to_identifier(name, quoted=True))
        unnest_rows(tree)
        return tree.sql("duckdb")

    def _register(self, session: "_Session", database: str, name: str) -> None:
        if (database, name) in session.registered:
            return
        session.registered.add((database, name))
        table = self._tables.find(database, name)
        if table is None:
            raise QueryError(
                f"TABLE_NOT_FOUND: line 1:1: Table 'awsdatacatalog.{database}.{name}' does"
                " not exist"
            )
        if table["TableType"] == "VIRTUAL_VIEW":
            view = _decoded(table["ViewOriginalText"])
            body = self._translated(session, view["originalSql"], view["schema"])
        else:
            body = self._files_query(session, table)
        session.connection.execute(f"create schema if not exists {_name(database)}")
        session.connection.execute(
            f"create or replace view {_name(database)}.{_name(name)} as {body}"
        )

    def _files_query(self, session: "_Session", table: Table) -> str:
        keys = table.get("PartitionKeys", [])
        places: list[tuple[list[str], str]] = [([], table["StorageDescriptor"]["Location"])]
        if keys:
            entries = self._tables.partitions(table["DatabaseName"], table["Name"])
            places = [(e["Values"], e["StorageDescriptor"]["Location"]) for e in entries]
        parts = []
        for values, location in places:
            if files := self._fetched(session, location):
                constants = [
                    f", cast({'null' if v == NULL_PARTITION else _literal(v)}"
                    f" as {duckdb_type(key['Type'])}) as {_name(key['Name'])}"
                    for key, v in zip(keys, values, strict=True)
                ]
                parts.append(f"select *{''.join(constants)} from ({_scan(table, files)})")
        nothing = ", ".join(
            f"cast(null as {duckdb_type(column['Type'])}) as {_name(column['Name'])}"
            for column in table["StorageDescriptor"]["Columns"] + keys
        )
        return " union all ".join(parts) or f"select {nothing} where false"

    def _fetched(self, session: "_Session", location: str) -> list[Path]:
        """Give local copies of the files below a location."""
        bucket, _ = bucket_and_key(location)
        files = []
        for entry in list_objects(self._s3, location):
            if not entry["Size"]:
                continue
            session.bytes += entry["Size"]
            mark = hashlib.sha256(f"{bucket}/{entry['Key']}/{entry['ETag']}".encode()).hexdigest()
            file = self._work / f"{mark}-{entry['Key'].rpartition('/')[2]}"
            with self._lock:
                if not file.exists():
                    self._s3.download_file(bucket, entry["Key"], f"{file}.part")
                    Path(f"{file}.part").rename(file)
            files.append(file)
        return files


class _Session:
    """What one query has read and registered so far."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, database: str) -> None:
        self.connection = connection
        self.database = database
        self.registered: set[tuple[str, str]] = set()
        self.bytes = 0

    def columns(self, query: str) -> list[tuple[str, str]]:
        """Give names, in lower case as the catalog has them, and types of a query's columns."""
        described = self.connection.execute(f"describe {query}").fetchall()
        return [
            (name.lower(), "BIGINT" if kind == "HUGEINT" else kind) for name, kind, *_ in described
        ]

    def store(self, query: str, columns: list[tuple[str, str]]) -> int:
        """Make table `stored` of a query's rows in the given types, and count them."""
        casts = ", ".join(
            f"cast({_name(name)} as {kind}) as {_name(name)}" for name, kind in columns
        )
        self.connection.execute(f"create temp table stored as select {casts} from ({query})")
        row = self.connection.execute("select count(*) from stored").fetchone()
        return int(row[0]) if row else 0


def athena_type(duckdb_name: str) -> str:
    """Give the name that Athena's result metadata has for a DuckDB type."""
    return re.sub(r"\(.*\)", "", duckdb_name.lower().strip('"'))


def athena_text(value: Any) -> str | None:  # noqa: ANN401
    """Give a value as the text that Athena's results hold; None for null."""
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None else str(value)


def duckdb_type(catalog_type: str) -> str:
    """Give DuckDB's name of a plain type of the catalog."""
    name = re.sub(r"^varchar\(\d+\)$", "string", catalog_type.lower())
    return {"string": "VARCHAR", "int": "INTEGER", "float": "REAL"}.get(name, name.upper())


def _catalog_columns(columns: list[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"Name": name, "Type": hive_type(kind)} for name, kind in columns]


def unnest_rows(tree: exp.Expr) -> None:
    """Make columns of an array of rows, as Trino's UNNEST does; DuckDB's makes one of structs."""
    for unnest in list(tree.find_all(exp.Unnest)):
        if len(unnest.alias_column_names) < 2:
            continue
        rows = unnest.expressions[0].sql("duckdb")
        names = ", ".join(unnest.alias_column_names)
        query = f"from (select unnest({rows}, max_depth := 2)) as {unnest.alias} ({names})"
        subquery = sqlglot.parse_one(query, read="duckdb").find(exp.Subquery)
        assert subquery is not None
        alias = subquery.args["alias"].pop()
        unnest.replace(exp.Lateral(this=subquery, alias=alias))


def _scan(table: Table, files: list[Path]) -> str:
    paths = "[" + ", ".join(map(path_literal, files)) + "]"
    columns = table["StorageDescriptor"]["Columns"]
    serde = table["StorageDescriptor"]["SerdeInfo"]["SerializationLibrary"]
    names = ", ".join(_name(column["Name"]) for column in columns)
    if serde == PARQUET.serde:
        return f"select {names} from read_parquet({paths}, hive_partitioning = false)"
    if "OpenCSVSerde" not in serde:
        raise QueryError(f"NOT_SUPPORTED: files of {serde} on the DuckDB engine")
    skip = table.get("Parameters", {}).get("skip.header.line.count", "0")
    types = ", ".join(f"{_literal(column['Name'])}: 'VARCHAR'" for column in columns)
    literals = ", ".join(_literal(column["Name"]) for column in columns)
    return (
        f"select {names} from read_csv({paths}, auto_detect = false, header = false, skip = {skip},"
        " hive_partitioning = false,"
        f" delim = ',', quote = '\"', escape = '\"', null_padding = true, columns = {{{types}}},"
        f" force_not_null = [{literals}])"
    )


def _name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _encoded(view: dict[str, Any]) -> str:
    return base64.b64encode(json.dumps(view).encode()).decode()


def _decoded(text: str) -> dict[str, Any]:
    body = text.removeprefix("/* Presto View: ").removesuffix(" */")
    view: dict[str, Any] = json.loads(base64.b64decode(body))
    return view

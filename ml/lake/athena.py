"""The tables that Athena holds: found in the Glue catalog, their Parquet objects copied from S3."""

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import botocore.exceptions
import click
import duckdb

from ml.lake.local import MEMORY, Lake, spill_to
from ml.tools.progress import step

COPIES_AT_ONCE = 8

# Glue's names for types that the contracts name otherwise
_TYPES = {"int": "integer", "string": "varchar"}


@dataclass(frozen=True)
class S3Object:
    """One object of a table; its tag tells whether it is still the same."""

    bucket: str
    key: str
    tag: str


@dataclass(frozen=True)
class AthenaTable:
    """
    What the catalog and S3 say about a table.

    Attributes
    ----------
    columns
        Name and type (as in the contracts) of the columns, partition columns last.
    partitioned_by
        Names of the partition columns.
    objects
        The Parquet files of each partition, by the values of the partition columns as text; a
        table without partitions has a single one, of no values.

    """

    name: str
    columns: tuple[tuple[str, str], ...]
    partitioned_by: tuple[str, ...]
    objects: dict[tuple[str, ...], tuple[S3Object, ...]]


@contextmanager
def athena_lake(schema: str, names: Sequence[str], parent: Path) -> Iterator[Lake]:
    """
    Copy tables from S3 into a temporary folder and open them.

    A rebuild swaps a table's location in the catalog. If the catalog or the objects of any of the
    tables are other ones after the copy than before, nothing is handed out: tables of two builds
    do not belong together.

    Parameters
    ----------
    schema
        Glue database of the tables.
    names
        The tables; `candidates` must be one of them.
    parent
        Folder in which the temporary one is made. It takes the tables' Parquet files, once more
        the candidates sorted, and what DuckDB spills.

    Raises
    ------
    click.ClickException
        If a table is missing, was rebuilt meanwhile, or AWS refuses.

    """
    with tempfile.TemporaryDirectory(prefix=".athena-", dir=parent) as room:
        folder = Path(room)
        with step("tables from S3"), plain_errors():
            tables = find_tables(schema, names)
            if not _copied_whole(tables, folder) or find_tables(schema, names) != tables:
                raise click.ClickException(
                    f"Tables of {schema} were rebuilt while they were read: wait for the build,"
                    " then export again."
                )
        with duckdb.connect(config={"memory_limit": MEMORY}) as connection:
            spill_to(connection, folder / "tmp")
            for table in tables:
                connection.execute(f"create view {table.name} as {select_copied(table, folder)}")
            with step("candidates sorted"):
                candidates = _sorted_candidates(connection, folder)
            yield Lake(connection, candidates)


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn what boto3 raises into one sentence for the user."""
    try:
        yield
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        raise click.ClickException(f"AWS: {error}") from error


def find_tables(schema: str, names: Iterable[str]) -> list[AthenaTable]:
    """
    Look up tables in the Glue catalog, and their objects in S3.

    Raises
    ------
    click.ClickException
        If a table is not in the catalog, or is a view.

    """
    session = _session()
    glue, s3 = session.client("glue"), session.client("s3")
    return [_find_table(glue, s3, schema, name) for name in names]


def copy_tables(tables: Iterable[AthenaTable], folder: Path) -> None:
    """
    Copy the objects of tables to `folder/<table>/[<column>=<value>/]<number>.parquet`.

    Objects go from S3 to disk in pieces, several at a time.
    """
    copies = []
    for table in tables:
        for values, objects in table.objects.items():
            place = folder / table.name
            for column, value in zip(table.partitioned_by, values, strict=True):
                place /= f"{column}={value}"
            place.mkdir(parents=True)
            copies += [(found, place / f"{number}.parquet") for number, found in enumerate(objects)]
    s3 = _session().client("s3")
    with ThreadPoolExecutor(COPIES_AT_ONCE) as copiers:
        for copied in [
            copiers.submit(s3.download_file, found.bucket, found.key, str(path))
            for found, path in copies
        ]:
            copied.result()


def select_copied(table: AthenaTable, folder: Path) -> str:
    """Give the query that reads a table which `copy_tables` put into `folder`."""
    columns = ", ".join(f'cast("{name}" as {kind}) as "{name}"' for name, kind in table.columns)
    if not any(table.objects.values()):
        empty = ", ".join(f'cast(null as {kind}) as "{name}"' for name, kind in table.columns)
        return f"select {empty} where false"
    files = f"{folder}/{table.name}/**/*.parquet".replace("'", "''")
    is_partitioned = str(bool(table.partitioned_by)).lower()
    return f"select {columns} from read_parquet('{files}', hive_partitioning = {is_partitioned}" + (
        ", hive_types_autocast = false)" if table.partitioned_by else ")"
    )


def _session() -> boto3.Session:
    """Make a session for the region of the target athena, as profiles.yml reads it."""
    names = ("AWS_REGION", "AWS_DEFAULT_REGION")
    return boto3.Session(
        region_name=next((os.environ[name] for name in names if os.environ.get(name)), "us-east-1")
    )


def _copied_whole(tables: list[AthenaTable], folder: Path) -> bool:
    """Copy the tables; tell whether no object was gone before its turn came."""
    try:
        copy_tables(tables, folder)
    except botocore.exceptions.ClientError as error:
        if error.response["Error"]["Code"] not in ("404", "NoSuchKey"):
            raise
        return False
    return True


def _find_table(glue: Any, s3: Any, schema: str, name: str) -> AthenaTable:  # noqa: ANN401
    try:
        table = glue.get_table(DatabaseName=schema, Name=name)["Table"]
    except glue.exceptions.EntityNotFoundException:
        raise click.ClickException(
            f"Table {schema}.{name} is not in the Glue catalog:"
            " run `dbt build --target athena` first."
        ) from None
    storage = table["StorageDescriptor"]
    if not storage.get("Location"):
        raise click.ClickException(f"{schema}.{name} is a view on Athena: it has no files to read.")
    keys = table.get("PartitionKeys", [])
    if keys:
        pages = glue.get_paginator("get_partitions").paginate(DatabaseName=schema, TableName=name)
        places = {
            tuple(partition["Values"]): partition["StorageDescriptor"]["Location"]
            for page in pages
            for partition in page["Partitions"]
        }
    else:
        places = {(): storage["Location"]}
    return AthenaTable(
        name,
        tuple(
            (column["Name"], _TYPES.get(column["Type"], column["Type"]))
            for column in storage["Columns"] + keys
        ),
        tuple(key["Name"] for key in keys),
        {values: _objects(s3, place) for values, place in places.items()},
    )


def _objects(s3: Any, location: str) -> tuple[S3Object, ...]:  # noqa: ANN401
    bucket, _, prefix = location.removeprefix("s3://").partition("/")
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix=prefix.rstrip("/") + "/"
    )
    return tuple(
        S3Object(bucket, found["Key"], found["ETag"])
        for page in pages
        for found in page.get("Contents", [])
        # as Athena does: what begins with _ or . is no data, nor is a folder's marker
        if found["Size"] and not found["Key"].rpartition("/")[2].startswith(("_", "."))
    )


def _sorted_candidates(connection: duckdb.DuckDBPyConnection, folder: Path) -> Path:
    """Sort each window: a distributed engine wrote its rows in no order, and ranges are read."""
    place = folder / "sorted"
    windows = connection.execute("select distinct orders_back from candidates").fetchall()
    for (orders_back,) in windows:
        window = place / f"orders_back={orders_back}"
        window.mkdir(parents=True)
        rows = connection.sql(
            "select * exclude (orders_back) from candidates"
            f" where orders_back = {orders_back} order by user_id, product_id"
        )
        rows.write_parquet(str(window / "sorted.parquet"))
    return place

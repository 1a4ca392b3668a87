"""The tables that Athena holds: found in the Glue catalog, their Parquet objects copied from S3."""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import duckdb
from botocore.exceptions import ClientError

from ml.lake.builds import Build, check_one_build, glue_build
from ml.lake.local import MEMORY, Lake, spill_to
from ml.tools.aws import client, dbt_region, is_missing
from ml.tools.paths import path_literal
from ml.tools.progress import step
from ml.tools.s3 import S3Object, download, list_objects, location, path_below

# Glue's names for types that the contracts name otherwise
_TYPES = {"int": "integer", "float": "real", "string": "varchar"}


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
    build
        What built it, if the catalog says so.

    """

    name: str
    columns: tuple[tuple[str, str], ...]
    partitioned_by: tuple[str, ...]
    objects: dict[tuple[str, ...], tuple[S3Object, ...]]
    build: Build | None


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
        If a table is missing or was rebuilt meanwhile, or if the tables are of different builds.

    """
    with tempfile.TemporaryDirectory(prefix=".athena-", dir=parent) as scratch:
        folder = Path(scratch)
        with step("tables from S3"):
            tables = find_tables(schema, names)
            check_one_build({table.name: table.build for table in tables})
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


def find_tables(schema: str, names: Iterable[str]) -> list[AthenaTable]:
    """
    Look up tables in the Glue catalog, and their objects in S3.

    Raises
    ------
    click.ClickException
        If a table is not in the catalog, or is a view.

    """
    glue, s3 = client("glue", dbt_region()), client("s3", dbt_region())
    return [_find_table(glue, s3, schema, name) for name in names]


def copy_tables(tables: Iterable[AthenaTable], folder: Path) -> None:
    """
    Copy the objects of tables to `folder/<table>/[<column>=<value>/]<number>.parquet`.

    Objects go from S3 to disk in pieces, several at a time.

    Raises
    ------
    click.ClickException
        If a partition's value would lead out of the folder.

    """
    copies = []
    for table in tables:
        for values, objects in table.objects.items():
            pairs = zip(table.partitioned_by, values, strict=True)
            place = "/".join([table.name, *(f"{column}={value}" for column, value in pairs)])
            copies += [
                (found, path_below(folder, f"{place}/{number}.parquet"))
                for number, found in enumerate(objects)
            ]
    download(client("s3", dbt_region()), copies)


def select_copied(table: AthenaTable, folder: Path) -> str:
    """Give the query that reads a table which `copy_tables` put into `folder`."""
    columns = ", ".join(f'cast("{name}" as {kind}) as "{name}"' for name, kind in table.columns)
    if not any(table.objects.values()):
        empty = ", ".join(f'cast(null as {kind}) as "{name}"' for name, kind in table.columns)
        return f"select {empty} where false"
    for part in folder.absolute().parts:
        # DuckDB reads what stands before the files of a partitioned table for partitions, too
        if "=" in part and part.partition("=")[0].lower() in dict(table.columns):
            raise click.ClickException(
                f"{folder} lies in {part}, which DuckDB would take for the values of a column:"
                " export to a folder without =."
            )
    files = path_literal(folder / table.name, "/**/*.parquet")
    is_partitioned = str(bool(table.partitioned_by)).lower()
    return f"select {columns} from read_parquet({files}, hive_partitioning = {is_partitioned}" + (
        ", hive_types_autocast = false)" if table.partitioned_by else ")"
    )


def _copied_whole(tables: list[AthenaTable], folder: Path) -> bool:
    """Copy the tables; tell whether no object was gone before its turn came."""
    try:
        copy_tables(tables, folder)
    except ClientError as error:
        if not is_missing(error):
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
        glue_build(table.get("Parameters", {})),
    )


def _objects(s3: Any, place: str) -> tuple[S3Object, ...]:  # noqa: ANN401
    return tuple(
        found
        for found in list_objects(s3, location(place))
        # as Athena does: what begins with _ or . is no data, nor is a folder's marker
        if found.size and not found.key.rpartition("/")[2].startswith(("_", "."))
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

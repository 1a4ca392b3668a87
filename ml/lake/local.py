"""Where the built tables are read from: the local lake, or a copy of what Athena holds."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import duckdb

from ml.lake.builds import check_one_build, local_builds

MEMORY = "1GB"  # for DuckDB, which spills what does not fit


@dataclass(frozen=True)
class Lake:
    """
    The built tables of one target, all from the same place for as long as they are read.

    Attributes
    ----------
    tables
        Connection in which every table goes by its name.
    candidates
        Folder of the candidates' Parquet files: `orders_back=<k>/*.parquet`, without the column
        orders_back. A window without rows has no files.

    """

    tables: duckdb.DuckDBPyConnection
    candidates: Path

    def scalar(self, query: str) -> Any:  # noqa: ANN401
        """Give the first value of a query's first row; None if it has no row."""
        rows = self.tables.execute(query).fetchall()
        return rows[0][0] if rows else None


@contextmanager
def local_lake(path: Path, schema: str, names: Sequence[str]) -> Iterator[Lake]:
    """
    Open the lake that `dbt build` made on this machine.

    Parameters
    ----------
    path
        The DuckDB file; its views read the Parquet files beside it.
    schema
        Schema of the views.
    names
        The tables that will be read; `candidates` must be one of them.

    Raises
    ------
    click.ClickException
        If the file is missing or in use, lacks a table, or if the tables are of different builds.

    """
    if not path.exists():
        raise click.ClickException(f"{path} is missing: run `dbt build` first.")
    try:
        connection = duckdb.connect(path, read_only=True, config={"memory_limit": MEMORY})
    except duckdb.IOException:
        raise click.ClickException(
            f"{path} is in use by another program: wait for it, or close it."
        ) from None
    with connection:
        spill_to(connection, path.parent / "tmp")
        try:
            connection.execute(f"set schema = '{schema}'")
            builds = local_builds(connection)
            for name in names:
                connection.execute(f"describe {name}")  # a missing table is told as such
            check_one_build({name: builds.get(name) for name in names})
            yield Lake(connection, _parquet_folder(connection, "candidates"))
        except duckdb.CatalogException as error:
            raise click.ClickException(
                f"{path} lacks a table of this project ({str(error).splitlines()[0]}):"
                " run `dbt build` first."
            ) from None


def spill_to(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Let what does not fit into memory go to a folder, and rows come in any order."""
    # parts of a table are read in any order: what must be sorted is sorted by its query
    connection.execute("set preserve_insertion_order = false")
    connection.execute("set temp_directory = ?", [str(folder)])


def _parquet_folder(connection: duckdb.DuckDBPyConnection, table: str) -> Path:
    """Find where the published generation of a table lies: its view says so."""
    rows = connection.execute(
        "select sql from duckdb_views() where view_name = ? and schema_name = current_schema()",
        [table],
    ).fetchall()
    files = re.search(r"read_parquet\('(.+?)/\*\*/\*\.parquet'", rows[0][0]) if rows else None
    # a table without rows has no files, and no range of shoppers will ask for one
    return Path(files.group(1).replace("''", "'")) if files else Path()

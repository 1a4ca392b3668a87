"""Where the built tables are read from: the local lake, or a copy of what Athena holds."""

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import duckdb
import polars as pl

from ml.lake.builds import check_one_build, local_builds
from ml.tools.progress import say

MEMORY = "1GB"  # for DuckDB, which spills what does not fit

_WAITS = (1, 2, 4)  # seconds, about as long as dbt waits (profiles.yml)


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
        If the file is missing, in use or damaged, lacks a table, or a table's files cannot be read,
        or if the tables are of different builds.

    """
    with _connect(path, _WAITS) as connection:
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
                f"{path} lacks a table of this project ({_reason(error)}): run `dbt build` first."
            ) from None
        except (duckdb.Error, pl.exceptions.PolarsError) as error:
            raise click.ClickException(
                f"The tables of {path} cannot be read ({_reason(error)}): if a file is missing or"
                " damaged, run `dbt build` again."
            ) from None


def spill_to(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Let what does not fit into memory go to a folder, and rows come in any order."""
    # parts of a table are read in any order: what must be sorted is sorted by its query
    connection.execute("set preserve_insertion_order = false")
    connection.execute("set temp_directory = ?", [str(folder)])


def _connect(path: Path, waits: tuple[int, ...]) -> duckdb.DuckDBPyConnection:
    """Open the DuckDB file to read it, or say why it cannot be; wait if another program has it."""
    try:
        path.open("rb").close()
        return duckdb.connect(path, read_only=True, config={"memory_limit": MEMORY})
    except FileNotFoundError:
        raise click.ClickException(f"{path} is missing: run `dbt build` first.") from None
    except OSError as error:
        raise click.ClickException(f"{path} cannot be read: {error.strerror}.") from None
    except duckdb.Error as error:
        # an IOException has many causes, which only its text tells apart
        held = re.search(r"Conflicting lock is held in (.+?)\. See also", str(error))
        if not held:
            raise click.ClickException(
                f"{path} cannot be opened ({_reason(error)}): if it is damaged, move it away and"
                " run `dbt build`, which makes it anew."
            ) from None
        if not waits:
            raise click.ClickException(
                f"{path} is in use by another program, {held[1]}: wait for it, or close it."
            ) from None
    say(f"{path} is in use by {held[1]}: waiting")
    time.sleep(waits[0])
    return _connect(path, waits[1:])


def _reason(error: Exception) -> str:
    return str(error).splitlines()[0]


def _parquet_folder(connection: duckdb.DuckDBPyConnection, table: str) -> Path:
    """Find where the published generation of a table lies: its view says so."""
    rows = connection.execute(
        "select sql from duckdb_views() where view_name = ? and schema_name = current_schema()",
        [table],
    ).fetchall()
    pattern = re.search(r"read_parquet\(('(?:[^']|'')+')", rows[0][0]) if rows else None
    # a table without rows has no files, and no range of shoppers will ask for one
    if not pattern:
        return Path()
    files = connection.execute(f"select file from glob({pattern[1]}) limit 1").fetchall()
    return Path(files[0][0]).parents[1] if files else Path()

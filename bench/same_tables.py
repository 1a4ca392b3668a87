"""Compare tables of a lake with the same tables as another program wrote them."""

from pathlib import Path

import click
import duckdb

from ml.lake.export import EXPORTED
from ml.tools.paths import path_literal

DISCOVERY_TABLES = {"counted_orders": ("orders_back",)} | {
    name: EXPORTED[name]
    for name in (
        "discovery_candidates",
        "discovery_users",
        "product_neighbours",
        "product_ranks",
        "user_aisle_ranks",
    )
}


def check_same_tables(lake: Path, folder: Path, tables: dict[str, tuple[str, ...]]) -> int:
    """
    Compare every cell; doubles must have the same bits.

    Parameters
    ----------
    lake
        The DuckDB file of the built tables; window 0 is compared.
    folder
        With one Parquet file per table, or one folder of such files.
    tables
        Their names and keys.

    Returns
    -------
    int
        How many cells were compared.

    Raises
    ------
    click.ClickException
        If columns, rows or cells differ, naming the table and the column.

    """
    cells = 0
    with duckdb.connect(lake, read_only=True) as connection:
        connection.execute("set schema = 'next_basket'")
        for table, key in tables.items():
            single = folder / f"{table}.parquet"
            files = (single,) if single.exists() else (folder / table, "/*.parquet")
            theirs = f"read_parquet({path_literal(*files)}, hive_partitioning = false)"
            cells += _compare(connection, table, theirs, key)
    return cells


def _compare(
    connection: duckdb.DuckDBPyConnection, table: str, theirs: str, key: tuple[str, ...]
) -> int:
    columns = sorted(connection.sql(f"select * from {table} limit 0").columns)
    if columns != sorted(connection.sql(f"select * from {theirs} limit 0").columns):
        raise click.ClickException(f"The columns of {table} differ.")
    counts = [f"count(*) filter (ours.{name} is distinct from theirs.{name})" for name in columns]
    rows, *differing = connection.execute(
        f"select count(*), {', '.join(counts)}"
        f" from (select * from {table} where orders_back = 0) as ours"
        f" full join {theirs} as theirs using ({', '.join(key)})"
    ).fetchone() or (0,)
    for name, count in zip(columns, differing, strict=True):
        if count:
            raise click.ClickException(f"{table} differs in {name}, in {count} of {rows} rows.")
    return int(rows) * len(columns)

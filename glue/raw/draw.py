"""A consistent part of a shop: some of its shoppers whole, with everything that they bought."""

import gzip
import shutil
import tempfile
from pathlib import Path
from typing import BinaryIO, cast

import click
import duckdb

from glue.raw.files import RawFile, check_raw_folder, open_raw
from glue.raw.rules import reading_fault
from ml.tools.atomic_files import folder_aside
from ml.tools.paths import path_literal, raw_dir, text_literal
from ml.tools.progress import StepMaker, counted_step

MEMORY = "1GB"  # for DuckDB, which spills what does not fit
_LINES = ("order_products__prior", "order_products__train")


@click.command()
@click.option("--users", type=click.IntRange(min=1), required=True, help="Number of shoppers.")
@click.option(
    "--from",
    "raw",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=raw_dir,
    show_default="RAW_DIR, or raw",
    help="Folder of the six raw files.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder of the six new files; made if missing, never overwritten.",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=1, help="The same seed, the same shoppers."
)
def draw(users: int, raw: Path, out: Path, seed: int) -> None:
    """Write a part of a shop: whole shoppers with all their orders and lines, every product."""
    try:
        orders, lines = draw_shoppers(users, raw, out, seed, counted_step)
    except OSError as error:
        raise click.ClickException(f"Cannot write {out}: {error.strerror or error}.") from error
    click.echo(f"Wrote {users:,} shoppers, {orders:,} orders and {lines:,} lines to {out}.")


def draw_shoppers(users: int, raw: Path, out: Path, seed: int, step: StepMaker) -> tuple[int, int]:
    """
    Draw shoppers of a shop by chance, and write what belongs to them.

    Orders and lines keep their order, columns and values; what is not theirs is left out. The other
    files are copied byte for byte. A gzipped file stays one.

    Parameters
    ----------
    users
        How many shoppers; the same of them for the same seed, in whatever order the rows stand.
    raw
        Folder of the six files.
    out
        Folder to make, or an empty one; it appears whole or not at all.
    seed
        Which shoppers are drawn.

    Returns
    -------
    tuple of int
        Orders and lines written.

    Raises
    ------
    click.ClickException
        If a file is missing or damaged, there are fewer shoppers, or `out` is not empty.

    """
    if out.exists() and any(out.iterdir()):
        raise click.ClickException(f"{out} is not empty: name a new folder.")
    files = {file.table.name: file for file in check_raw_folder(raw)}
    orders = files["orders"]
    written = {}
    with (
        folder_aside(out) as aside,
        tempfile.TemporaryDirectory(dir=out.parent, prefix=".scratch-") as scratch,
        duckdb.connect(config={"memory_limit": MEMORY, "temp_directory": scratch}) as connection,
        step("Drawing shoppers", len(files)) as advance,
    ):
        _number_keys(connection, orders, ("user_id", "order_id"))
        _draw(connection, orders, users, seed)
        for name, file in files.items():
            if name == "orders":
                wanted = f"{_number(file, 'user_id')} in (from drawn)"
            elif name in _LINES:
                _number_keys(connection, file, ("order_id",))
                wanted = f"{_number(file, 'order_id')} in (from drawn_orders)"
            else:
                shutil.copyfile(file.path, aside / file.path.name)
                advance(1)
                continue
            written[name] = _write(connection, file, wanted, aside, Path(scratch))
            advance(1)
    return written["orders"], sum(written[name] for name in _LINES)


def _number_keys(
    connection: duckdb.DuckDBPyConnection, file: RawFile, keys: tuple[str, ...]
) -> None:
    """Refuse a file with keys that are no whole numbers: whose row it is would be guessed."""
    counts = ", ".join(f"count(*) filter ({_number(file, key)} is null)" for key in keys)
    try:
        counted = connection.execute(f"select {counts} from {_rows(file)}").fetchone() or ()
    except duckdb.Error as error:
        raise click.ClickException(reading_fault(str(file.path), error)) from None
    for key, broken in zip(keys, counted, strict=True):
        if broken:
            raise click.ClickException(
                f"{file.path}: column {key} holds no whole number in {broken} rows: mend the file."
                " `python -m glue profile` counts all that is to be mended."
            )


def _draw(connection: duckdb.DuckDBPyConnection, orders: RawFile, users: int, seed: int) -> None:
    user, order = _number(orders, "user_id"), _number(orders, "order_id")
    connection.execute(
        f"create temp table drawn as select distinct {user} as user_id from {_rows(orders)}"
        f" order by md5('{seed} ' || user_id), user_id limit {users}"
    )
    (found,) = connection.execute("select count(*) from drawn").fetchone() or (0,)
    if found < users:
        raise click.ClickException(f"{orders.path} holds {found} shoppers: draw no more than that.")
    connection.execute(
        f"create temp table drawn_orders as select {order} from {_rows(orders)}"
        f" where {user} in (from drawn)"
    )


def _write(
    connection: duckdb.DuckDBPyConnection, file: RawFile, wanted: str, folder: Path, scratch: Path
) -> int:
    """Write the header of a file and its rows that are wanted; give their number."""
    rows = scratch / "rows.csv"
    # numbered, because a join gives rows in any order
    numbered = f"select *, row_number() over () as row from {_rows(file)}"
    (count,) = connection.execute(
        f"copy (select * exclude (row) from ({numbered}) where {wanted} order by row)"
        f" to {text_literal(str(rows))} (format csv, header false)"
    ).fetchone() or (0,)
    final = folder / file.path.name
    with (
        open_raw(file.path) as source,
        rows.open("rb") as part,
        cast(
            "BinaryIO", gzip.open(final, "wb") if final.suffix == ".gz" else final.open("wb")
        ) as to,
    ):
        to.write(source.readline().rstrip(b"\r\n") + b"\n")
        shutil.copyfileobj(part, to)
    return int(count)


def _rows(file: RawFile) -> str:
    """Read a file's rows, every column a text; columns go by their number, not by their name."""
    columns = ", ".join(f"'c{number}': 'varchar'" for number in range(len(file.header.columns)))
    return (
        f"read_csv({path_literal(file.path)}, auto_detect = false, header = true, delim = ',',"
        f" quote = '\"', escape = '\"', columns = {{{columns}}}, hive_partitioning = false)"
    )


def _number(file: RawFile, column: str) -> str:
    """Give a key as the build reads it, for which 08 and 8 are one."""
    return f"try_cast(c{file.header.columns.index(column)} as bigint)"

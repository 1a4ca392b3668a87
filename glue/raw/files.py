"""The six raw files of a folder: found, checked and measured before any of them is used."""

import gzip
import hashlib
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import click

from glue.raw.contract import RawTable, raw_tables
from glue.raw.loads import is_folder_of_loads
from glue.raw.rules import Header, read_header
from ml.tools.progress import StepMaker, silent_step

_BLOCK = 1 << 20


@dataclass(frozen=True)
class RawFile:
    """One checked raw file; size and sha256 are those of the plain CSV, also if it is gzipped."""

    table: RawTable
    path: Path
    header: Header
    size: int
    sha256: str


def open_raw(path: Path) -> BinaryIO:
    """Open a raw file for reading, unpacked if its name ends with .gz."""
    return cast("BinaryIO", gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


def find_raw_file(folder: Path, table: RawTable) -> Path:
    """
    Find a table's file, plain or gzipped.

    Raises
    ------
    click.ClickException
        If there is none, or both.

    """
    found = [
        path
        for path in (folder / f"{table.name}.csv", folder / f"{table.name}.csv.gz")
        if path.is_file()
    ]
    if not found:
        raise click.ClickException(
            f"{folder / table.name}.csv is missing (also looked for {table.name}.csv.gz): nothing"
            " was uploaded."
        )
    if len(found) > 1:
        raise click.ClickException(
            f"{found[0]} and {found[1]} are both the table {table.name}: keep one of them."
        )
    return found[0]


def check_raw_folder(folder: Path, step: StepMaker = silent_step) -> list[RawFile]:
    """
    Check that a folder holds the six raw files, each with its header and at least one row.

    Raises
    ------
    click.ClickException
        At the first file that is missing, damaged or of another shape.

    """
    if is_folder_of_loads(folder):
        raise click.ClickException(
            f"{folder} holds order lines with times, load by load: this command reads the six files"
            " orders.csv, products.csv and so on. Of loads the build itself says what is wrong, and"
            " the table loads what came."
        )
    tables = raw_tables()
    paths = [find_raw_file(folder, table) for table in tables]
    with step("Checking files", sum(path.stat().st_size for path in paths)) as advance:
        checked = []
        for table, path in zip(tables, paths, strict=True):
            checked.append(_check(table, path))
            advance(path.stat().st_size)
    return checked


def _check(table: RawTable, path: Path) -> RawFile:
    digest, size = hashlib.sha256(), 0
    try:
        with open_raw(path) as file:
            while block := file.read(_BLOCK):
                digest.update(block)
                size += len(block)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise click.ClickException(
            f"{path} is a damaged gzip file ({error}): write it again."
        ) from None
    except OSError as error:
        raise click.ClickException(f"{path} cannot be read: {error.strerror}.") from error
    header = read_header(str(path), path, table)
    if not header.has_rows and not table.may_be_empty:
        raise click.ClickException(f"{path} is empty: it has a header and no rows.")
    return RawFile(table, path, header, size, digest.hexdigest())

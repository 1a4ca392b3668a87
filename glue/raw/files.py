"""The six raw files of a folder: found, checked and measured before any of them is used."""

import csv
import gzip
import hashlib
import io
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import click
import duckdb

from glue.raw.contract import RawTable, raw_tables
from glue.raw.rules import check_header, header_columns, read_csv
from ml.tools.progress import StepMaker, silent_step

_BLOCK = 1 << 20


@dataclass(frozen=True)
class RawFile:
    """One checked raw file; size and sha256 are those of the plain CSV, also if it is gzipped."""

    table: RawTable
    path: Path
    size: int
    lines: int
    sha256: str
    columns: tuple[str, ...]
    extra_columns: tuple[str, ...]

    @property
    def key(self) -> str:
        """Where it lies in the raw zone: one prefix for each table, always plain CSV."""
        return f"{self.table.name}/{self.table.name}.csv"


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
    tables = raw_tables()
    paths = [find_raw_file(folder, table) for table in tables]
    with step("Checking files", sum(path.stat().st_size for path in paths)) as advance:
        checked = []
        for table, path in zip(tables, paths, strict=True):
            checked.append(_check(table, path))
            advance(path.stat().st_size)
    return checked


def check_rows(files: Sequence[RawFile], step: StepMaker = silent_step) -> None:
    """
    Check that each line of the files is one row, with a field for each column of the header.

    OpenCSVSerDe reads each line as a row, drops fields that are too many and takes missing ones
    for null, all in silence.

    Raises
    ------
    click.ClickException
        At the first line that is not; the sentence names file and line.

    """
    with step("Checking rows", sum(file.path.stat().st_size for file in files)) as advance:
        for file in files:
            _check_rows(file)
            advance(file.path.stat().st_size)


def count_rows(file: RawFile) -> int:
    """
    Count the rows of a file, read as the build reads it.

    Raises
    ------
    click.ClickException
        At the first row with too many or too few fields; the sentence names file and line.

    """
    try:
        with duckdb.connect(config={"memory_limit": "1GB"}) as connection:
            counted = connection.execute(
                f"select count(*) from {read_csv(file.path, file.columns)}"
            ).fetchone()
    except duckdb.Error as error:
        told = str(error).partition("\nPossible fixes")[0]
        raise _refused(file, told.replace("\n", " ")) from None
    return int(counted[0]) if counted else 0


def _check_rows(file: RawFile) -> None:
    # fast, but it tells neither a line without a field nor a line break within one
    rows = count_rows(file)
    if rows + 1 != file.lines:
        raise _refused(file, f"it has {rows} rows in {file.lines} lines")


def _refused(file: RawFile, problem: str) -> click.ClickException:
    """Make the error that names the first line that is at fault, else the problem itself."""
    try:
        problem = _first_fault(file) or problem
    except UnicodeDecodeError:
        problem = "it is not UTF-8 text"
    return click.ClickException(
        f"{file.path}, {problem}. Mend the file, then repeat the command: nothing was written."
    )


def _first_fault(file: RawFile) -> str | None:
    """Find the first line that is not one row with all its fields, and say what is wrong."""
    line, width = 1, len(file.columns)
    with open_raw(file.path) as raw, io.TextIOWrapper(raw, "utf-8-sig", newline="") as text:
        reader = csv.reader(text)
        try:
            for row in reader:
                if reader.line_num > line:
                    return (
                        f"line {line}: a field holds a line break, and Athena reads each line as a"
                        " row"
                    )
                if not row:
                    return f"line {line} is empty, and Athena reads each line as a row"
                if len(row) != width:
                    return (
                        f"line {line} has {len(row)} fields, its header {width}: a field that holds"
                        " a comma stands in quotes"
                    )
                line += 1
        except csv.Error as error:
            return f"line {line} cannot be read ({error}): a quote may not be closed"
    return None


def _check(table: RawTable, path: Path) -> RawFile:
    digest, size, lines = hashlib.sha256(), 0, 0
    try:
        with open_raw(path) as file:
            first = file.readline()
            header = first.decode()
            extra = check_header(str(path), header, table)
            block = last = first
            while block:
                digest.update(block)
                size += len(block)
                lines += block.count(b"\n")
                last = block
                block = file.read(_BLOCK)
    except UnicodeDecodeError:
        raise click.ClickException(f"{path} is not UTF-8 text: write it as UTF-8.") from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise click.ClickException(
            f"{path} is a damaged gzip file ({error}): write it again."
        ) from None
    except OSError as error:
        raise click.ClickException(f"{path} cannot be read: {error.strerror}.") from error
    if size == len(first) and not table.may_be_empty:
        raise click.ClickException(f"{path} is empty: it has a header and no rows.")
    lines += not last.endswith(b"\n")  # the end of the last line may be missing
    return RawFile(table, path, size, lines, digest.hexdigest(), header_columns(header), extra)

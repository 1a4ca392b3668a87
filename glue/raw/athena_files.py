"""Raw files written anew for Athena, whose reader takes some CSV text for other values."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
import duckdb

from glue.raw.files import RawFile
from glue.raw.rules import Rule, read_csv, reading_fault
from ml.tools.paths import text_literal
from ml.tools.progress import StepMaker, silent_step

_BLOCK = 1 << 20
# of no use to Athena even in quotes: its reader takes each line for a row, and loses the others
_LOST = (b"\r", b"\0", b"\1")
_KEPT = "holds no line break and no control character that Athena's reader loses"


@dataclass(frozen=True)
class AthenaFile:
    """A raw file as it lies in the raw zone: plain CSV with the columns of the contract alone."""

    source: RawFile
    path: Path
    size: int
    sha256: str

    @property
    def key(self) -> str:
        """Where it lies in the raw zone: one prefix for each table."""
        return f"{self.source.table.name}/{self.source.table.name}.csv"


def write_for_athena(
    files: Sequence[RawFile], folder: Path, step: StepMaker = silent_step
) -> list[AthenaFile]:
    """
    Write what the build reads of raw files in a form that OpenCSVSerDe reads alike.

    The SerDe (opencsv 2.3) ends a field at a bare quote or drops it, which DuckDB takes as it is,
    and reads by position whatever the header says. So the file is read by the build's own reader,
    and a field that needs quotes gets them. Same input, same bytes.

    Parameters
    ----------
    files
        Checked raw files.
    folder
        Where they are written; as large as the files when unpacked.

    Raises
    ------
    click.ClickException
        At the first file that cannot be read, or holds what no form can bring to Athena.

    """
    with step("Checking rows", sum(file.path.stat().st_size for file in files)) as advance:
        written = []
        for file in files:
            written.append(_write(file, folder))
            advance(file.path.stat().st_size)
    return written


@contextmanager
def rows_of(file: RawFile, scratch: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """
    Give a connection with the file's rows as view `file`, read as the build reads them.

    Parameters
    ----------
    scratch
        Folder for what does not fit into memory.

    Raises
    ------
    click.ClickException
        If a row cannot be read; the sentence names file and line.

    """
    try:
        with duckdb.connect(
            config={"memory_limit": "1GB", "temp_directory": str(scratch)}
        ) as connection:
            query = read_csv(file.path, file.header.columns, file.table)
            connection.execute(f"create temp view file as {query}")
            yield connection
    except duckdb.Error as error:
        raise click.ClickException(reading_fault(str(file.path), error)) from None


def lost_on_athena(connection: duckdb.DuckDBPyConnection, file: RawFile) -> Iterator[Rule]:
    """Count the values of each column that hold what Athena's reader breaks at or loses."""
    counts = ", ".join(
        f"count(*) filter (where regexp_matches({column}, '[\\x00\\x01\\r\\n]'))"
        for column in file.table.columns
    )
    counted = connection.execute(f"select {counts} from file").fetchone() or ()
    for column, broken in zip(file.table.columns, counted, strict=True):
        yield Rule(column, _KEPT, broken)


def _write(file: RawFile, folder: Path) -> AthenaFile:
    path = folder / f"{file.table.name}.csv"
    # without quotes where they are not needed; nullif, for an empty string would be quoted
    fields = ", ".join(f"nullif({column}, '') as {column}" for column in file.table.columns)
    with rows_of(file, folder) as connection:
        (rows,) = connection.execute(
            f"copy (select {fields} from file) to {text_literal(str(path))}"
            """ (format csv, header, delimiter ',', quote '"', escape '"')"""
        ).fetchone() or (0,)
        digest, size, lines, lost = hashlib.sha256(), 0, 0, 0
        with path.open("rb") as written:
            while block := written.read(_BLOCK):
                digest.update(block)
                size += len(block)
                lines += block.count(b"\n")
                lost += sum(block.count(character) for character in _LOST)
        if lost or lines != rows + 1:
            raise _refused(connection, file)
    return AthenaFile(file, path, size, digest.hexdigest())


def _refused(connection: duckdb.DuckDBPyConnection, file: RawFile) -> click.ClickException:
    (first, *_) = [rule for rule in lost_on_athena(connection, file) if rule.broken]
    rows = "1 row" if first.broken == 1 else f"{first.broken} rows"
    return click.ClickException(
        f"{file.path}: {first.columns} holds a line break or a control character in {rows}, which"
        " Athena's reader loses. Mend the file, then repeat the command: nothing was written."
    )

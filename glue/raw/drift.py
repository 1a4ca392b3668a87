"""What of a raw table's catalogue entry and objects every shape of raw files is checked for."""

import gzip
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from glue.raw.catalogue import ESCAPE_CHAR, OPEN_CSV_SERDE
from ml.tools.s3 import Location

_HEAD = 64 << 10  # bytes of an object that are read: the header and the first row stand there


@dataclass(frozen=True)
class Drift:
    """One thing that is not as the contract says."""

    table: str
    what: str
    expected: str
    found: str


def csv_storage_faults(name: str, found: dict[str, Any], raw: Location) -> list[Drift]:
    """Compare how Glue says that a CSV table is read with how it has to be."""
    serde = found["StorageDescriptor"].get("SerdeInfo", {})
    parameters = serde.get("Parameters", {})
    # Glue keeps the number of header lines on the table; a crawler repeats it in the storage
    header = found.get("Parameters", {}).get("skip.header.line.count")
    expected_and_found = {
        "SerDe": (OPEN_CSV_SERDE, serde.get("SerializationLibrary", "none")),
        "separatorChar": (",", parameters.get("separatorChar", ",")),
        "quoteChar": ('"', parameters.get("quoteChar", '"')),
        "escapeChar": (repr(ESCAPE_CHAR), repr(parameters.get("escapeChar", "\\"))),
        "skip.header.line.count": ("1", header or "none"),
    }
    return [
        Drift(name, what, expected, seen)
        for what, (expected, seen) in expected_and_found.items()
        if expected != seen
    ] + location_fault(name, found, raw)


def location_fault(name: str, found: dict[str, Any], raw: Location) -> list[Drift]:
    """Compare where a table lies with its name below the raw zone."""
    expected = f"{raw}{name}/"
    seen = found["StorageDescriptor"].get("Location", "").rstrip("/") + "/"
    return [] if seen == expected else [Drift(name, "location", expected, seen)]


@contextmanager
def head_of(s3: Any, raw: Location, key: str) -> Iterator[Path]:  # noqa: ANN401
    """
    Give a file with the first lines of a CSV object, unpacked if its name ends with .gz.

    Raises
    ------
    click.ClickException
        If it is a damaged gzip file.

    """
    body = s3.get_object(Bucket=raw.bucket, Key=raw.key(key))["Body"]
    stream = gzip.GzipFile(fileobj=body) if key.endswith(".gz") else body
    try:
        head: bytes = stream.read(_HEAD)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise click.ClickException(
            f"{raw}{key} is a damaged gzip file ({error}): write it again."
        ) from None
    if len(head) == _HEAD:
        head = head[: head.rfind(b"\n") + 1] or head  # the last line may be cut in two
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "head.csv"
        path.write_bytes(head)
        yield path

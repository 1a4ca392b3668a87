"""Feature columns kept in a Parquet file, so that millions of rows never have to be in memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from ml.data.arrays import Booleans

_GROUP_ROWS = 1 << 17
# LightGBM bins single precision as well as double, in half the memory
FLOAT = pa.float32()


@dataclass(frozen=True)
class Features:
    """
    Columns of numbers in a Parquet file, or the rows of them that were chosen.

    Attributes
    ----------
    path
        The file.
    names
        Its columns, in order.
    kept
        bool [rows of the file]: which rows these are; None for all of them.

    """

    path: Path
    names: list[str]
    kept: Booleans | None = None

    def where(self, mask: Booleans) -> "Features":
        """Keep the rows for which `mask` (bool, one for each row of this choice) is true."""
        if self.kept is None:
            return replace(self, kept=mask)
        kept = self.kept.copy()
        kept[kept] = mask
        return replace(self, kept=kept)

    def table(self, names: list[str]) -> pa.Table:
        """Read columns of all these rows at once: for thousands of rows, not for millions."""
        schema = self._schema(names)
        return pa.Table.from_batches(
            [batch for part in self.batches(names) for batch in part.to_batches()], schema=schema
        )

    def batches(self, names: list[str]) -> Iterator[pa.Table]:
        """Read columns some hundred thousand rows at a time; each part has at least one row."""
        for number, rows in enumerate(self.batch_rows()):
            if rows:
                yield self._read(number, names)

    def batch_rows(self) -> list[int]:
        """Count the rows of each stored part that belong to these."""
        return [
            int(stop - start) if self.kept is None else int(self.kept[start:stop].sum())
            for start, stop in self._ranges()
        ]

    def matrix(self, number: int, names: list[str]) -> npt.NDArray[np.float64]:
        """
        Read one stored part.

        Parameters
        ----------
        number
            Which, in the order of `batch_rows`.
        names
            Columns to read.

        Returns
        -------
        float64 [rows, columns]
            Empty is NaN.

        """
        part = self._read(number, names)
        values = np.empty((part.num_rows, len(names)))
        for index, name in enumerate(names):
            values[:, index] = part.column(name).cast(pa.float64()).to_numpy()
        return values

    def spread(self, count: int) -> "Features":
        """Choose at most `count` rows, evenly spread over these."""
        rows = len(self)
        mask = np.zeros(rows, dtype=np.bool_)
        mask[np.linspace(0, rows - 1, min(count, rows)).astype(np.int64)] = True
        return self.where(mask)

    def without_value(self) -> list[str]:
        """Name the columns that are empty in every row of the file."""
        with pq.ParquetFile(self.path) as file:
            groups = [file.metadata.row_group(group) for group in range(file.num_row_groups)]
            return [
                name
                for index, name in enumerate(file.schema_arrow.names)
                if all(
                    group.column(index).statistics.null_count == group.num_rows for group in groups
                )
            ]

    def __len__(self) -> int:
        """Count the rows."""
        if self.kept is not None:
            return int(self.kept.sum())
        with pq.ParquetFile(self.path) as file:
            count: int = file.metadata.num_rows
            return count

    def _schema(self, names: list[str]) -> pa.Schema:
        with pq.ParquetFile(self.path) as file:
            return pa.schema([file.schema_arrow.field(name) for name in names])

    def _ranges(self) -> list[tuple[int, int]]:
        with pq.ParquetFile(self.path) as file:
            rows = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
        stops = np.cumsum(rows).tolist()
        return list(zip([0, *stops], stops, strict=False))

    def _read(self, number: int, names: list[str]) -> pa.Table:
        with pq.ParquetFile(self.path) as file:
            part = file.read_row_group(number, columns=names)
        if self.kept is None:
            return part
        start, stop = self._ranges()[number]
        return part.filter(pa.array(self.kept[start:stop]))


class FeatureWriter:
    """Collects blocks of rows and writes them in groups of a size that reads back well."""

    def __init__(self, writer: pq.ParquetWriter) -> None:
        """Write to an open Parquet file."""
        self._writer = writer
        self._waiting: list[pa.RecordBatch] = []
        self._rows = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Add a block of rows of the file's schema."""
        if batch.num_rows:
            self._waiting.append(batch)
            self._rows += batch.num_rows
        if self._rows >= _GROUP_ROWS:
            self.flush()

    def flush(self) -> None:
        """Write what is waiting as one group."""
        if self._waiting:
            self._writer.write_table(pa.Table.from_batches(self._waiting), self._rows)
        self._waiting, self._rows = [], 0


@contextmanager
def write_features(path: Path, schema: pa.Schema) -> Iterator[FeatureWriter]:
    """Open a file of features for writing; the rows are all there when the block ends."""
    with pq.ParquetWriter(path, schema, compression="lz4") as file:
        writer = FeatureWriter(file)
        yield writer
        writer.flush()

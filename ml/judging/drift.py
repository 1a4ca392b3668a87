"""How far the values of a column have moved since an older run: the population stability index."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np

from ml.tools.paths import path_literal

_DECILES = [tenth / 10 for tenth in range(1, 10)]


@dataclass(frozen=True)
class Bins:
    """
    How many rows of a column lie between the deciles of some run.

    Attributes
    ----------
    edges
        The deciles, rising; fewer than nine where many rows share a value.
    counts
        Rows up to each edge, above the last one, and without a value: two more than edges.

    """

    edges: list[float]
    counts: list[int]


def count_bins(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    column: str,
    edges: Sequence[float] | None = None,
) -> Bins:
    """
    Count the rows of a column of a Parquet file by bin.

    Parameters
    ----------
    connection
        To DuckDB.
    path, column
        What to read: numbers. What is no number counts as empty.
    edges
        Edges of the bins; by default the deciles of this column.

    """
    name = '"' + column.replace('"', '""') + '"'
    number = f"case when isfinite({name}::double) then {name}::double end"
    values = f"(select {number} as value from read_parquet({path_literal(path)}))"
    if edges is None:
        found = connection.execute(f"select quantile_disc(value, {_DECILES}) from {values}")
        (deciles,) = found.fetchone() or (None,)
        edges = sorted(set(deciles or []))
    above = " + ".join(["0", *(f"(value > {edge!r})::integer" for edge in edges)])
    place = f"case when value is null then {len(edges) + 1} else {above} end"
    rows = connection.execute(
        f"select {place} as bin, count(*) from {values} group by bin"
    ).fetchall()
    counts = dict(rows)
    return Bins(list(edges), [counts.get(number, 0) for number in range(len(edges) + 2)])


def stability_index(expected: Sequence[int], found: Sequence[int]) -> float:
    """
    Give the population stability index of the same bins in two runs.

    The sum over bins of (q - p) ln(q / p), where p is a bin's share of the older run and q that of
    the newer one (Siddiqi, Credit Risk Scorecards, 2006, chapter 9; the symmetric divergence of
    Kullback and Leibler, On Information and Sufficiency, 1951). By the usual rule below .1 little
    has moved, and above .25 much. Half a row is added to every bin, so that an empty one has a
    logarithm. Of n and m rows without any change about (bins - 1) (1 / n + 1 / m) is expected
    (Yurdakul and Naranjo, Statistical properties of the population stability index, Journal of Risk
    Model Validation 14(4), 2020).

    Parameters
    ----------
    expected, found
        Rows in each bin of the older and of the newer run.

    """
    old, new = (np.asarray(counts) + 0.5 for counts in (expected, found))
    p, q = old / old.sum(), new / new.sum()
    return float(((q - p) * np.log(q / p)).sum())

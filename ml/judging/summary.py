"""What a run was made of and what it made, in rows, and how far both moved since an older run."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import duckdb
import polars as pl
import pyarrow.parquet as pq

from ml.data.categories import CATEGORIES
from ml.data.reading import open_data
from ml.judging.drift import Bins, count_bins, stability_index
from ml.tools.progress import counted_step, step

_MEMORY = "2GB"


def summarize(
    data_path: Path,
    predictions: Path,
    scores: Mapping[str, Path],
    before: Path | None,
    scratch: Path,
) -> dict[str, Any]:
    """
    Count rows, and compare features and scores with those of an older run.

    Features are those of the newest window, which are scored; ids of categories are left out, for
    between two of them lies nothing.

    Parameters
    ----------
    data_path
        Path of data.csv.
    predictions
        Folder with a folder for each task, as `predict` wrote it.
    scores
        By the name of the score: the Parquet file below `predictions` whose column `score` it is.
    before
        What this function gave of an older run, as JSON; None if there is none.
    scratch
        Folder for temporary files.

    Returns
    -------
    dict
        `rows_in`, `rows_out`: by table, and by file of scores. `lines`: `read` and `rejected` of
        all loads, empty for a shop without. `columns`: the Bins of each feature and score. `psi`:
        the population stability index of each that both runs have, the highest first.

    Raises
    ------
    click.ClickException
        If the data or the older summary cannot be read.

    """
    data = open_data(data_path)
    with step(f"read {data_path}"):
        rows = data.candidates("newest", scratch)
    features = rows.columns()
    wanted = {name: (features.path, name) for name in features.names if name not in CATEGORIES}
    wanted |= {name: (predictions / file, "score") for name, file in scores.items()}
    older = _older_columns(before)
    columns, psi = {}, {}
    with (
        duckdb.connect(config={"memory_limit": _MEMORY, "temp_directory": str(scratch)}) as engine,
        counted_step("features and scores", len(wanted)) as advance,
    ):
        for name, (path, column) in wanted.items():
            columns[name] = asdict(count_bins(engine, path, column))
            if name in older:
                now = count_bins(engine, path, column, older[name].edges)
                psi[name] = stability_index(older[name].counts, now.counts)
            advance(1)
    tables = sorted(data_path.parent.glob("*.parquet"))
    return {
        "rows_in": {"candidates": len(rows)} | {path.stem: _rows(path) for path in tables},
        "rows_out": {file.as_posix(): _rows(predictions / file) for file in scores.values()},
        "lines": _lines(data_path.with_name("loads.parquet")),
        "psi": dict(sorted(psi.items(), key=lambda one: -one[1])),
        "columns": columns,
    }


def _older_columns(before: Path | None) -> dict[str, Bins]:
    if before is None:
        return {}
    try:
        columns = json.loads(before.read_text(encoding="utf-8"))["columns"]
        return {name: Bins(**one) for name, one in columns.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise click.ClickException(
            f"{before} is no summary of a run ({error!r}): leave out --before."
        ) from None


def _rows(path: Path) -> int:
    rows: int = pq.read_metadata(path).num_rows
    return rows


def _lines(loads: Path) -> dict[str, int]:
    if not loads.is_file():
        return {}
    counts = pl.read_parquet(loads, glob=False).select(
        read=pl.col("order_lines").sum(), rejected=pl.col("rejected_lines").sum()
    )
    return counts.row(0, named=True)

"""The way back into the lake: what a task predicted, as rows of the tables `predictions`."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from ml.tools.atomic_files import file_aside

PREDICTIONS = pl.Schema(
    [
        ("run", pl.String()),
        ("task", pl.String()),
        ("user_id", pl.Int64()),
        ("order_number", pl.Int32()),
        ("product_id", pl.Int64()),
        ("rank", pl.Int32()),
        ("score", pl.Float64()),
        ("is_in_basket", pl.Boolean()),
        ("reason", pl.String()),
        ("model_version", pl.String()),
        ("predicted_at", pl.String()),
        ("user_code", pl.String()),
        ("product_code", pl.String()),
        ("last_ordered_at", pl.Datetime("us")),
    ]
)
"""Columns of the tables, as models/staging/predictions.yml has them."""


def write_predictions(
    path: Path, predicted: Path, targets: pl.DataFrame, stamps: Mapping[str, str]
) -> None:
    """
    Write what a task predicted in the one shape of all tasks, a part of it at a time.

    Parameters
    ----------
    path
        Parquet file to write: PREDICTIONS, in the order of `predicted`.
    predicted
        What the task wrote: user_id, product_id, rank, score (or probability), and as far as it
        has them other columns of PREDICTIONS. What it has not is null.
    targets
        user_id, order_number: the order that is predicted, one per shopper.
    stamps
        Columns that are the same in every row: run, task, model_version, predicted_at.

    """
    rows = (
        pl.scan_parquet(predicted, glob=False)
        .rename({"probability": "score"}, strict=False)
        .join(
            targets.lazy().select("user_id", "order_number"),
            on="user_id",
            how="left",
            maintain_order="left",
        )
        .with_columns(**{name: pl.lit(text) for name, text in stamps.items()})
    )
    there = rows.collect_schema().names()
    rows.select(
        (pl.col(name) if name in there else pl.lit(None)).cast(kind).alias(name)
        for name, kind in PREDICTIONS.items()
    ).sink_parquet(path)


def publish_predictions(path: Path, lake: Path, run: str, task: str) -> None:
    """
    Put a task's predictions into the lake: into the history first, then in place of the latest.

    Each is written beside its place and renamed. Cut off at any point, the latest are whole: those
    of before, or these.

    Parameters
    ----------
    path
        What `write_predictions` wrote.
    lake
        The lake's folder.
    run, task
        Names of the run and of the task.

    """
    for folder in (f"run={run}", "latest"):
        with file_aside(lake / "predictions" / folder / f"{task}.parquet") as aside:
            shutil.copyfile(path, aside)

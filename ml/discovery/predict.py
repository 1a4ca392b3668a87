"""Recommends new products to every shopper with an order to predict."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
import numpy as np
import polars as pl
import pyarrow.parquet as pq

from ml.arrays import Integers
from ml.atomic import file_aside
from ml.discovery.candidates import FEATURES, WindowCandidates
from ml.discovery.model import DiscoveryModels, read_models, score
from ml.discovery.recommend import RECOMMENDATIONS, recommend, with_reasons
from ml.discovery.tables import Tables, read_tables
from ml.progress import counted_step, say, step
from ml.runs import Run, check_contract, read_run


def recommend_all(
    tables: Tables, window: WindowCandidates, users: Integers, models: DiscoveryModels
) -> Iterator[pl.DataFrame]:
    """
    Recommend to some shoppers of a window, a part of them at a time.

    Yields
    ------
    polars.DataFrame
        RECOMMENDATIONS and aisle_id, department_id, sorted by user_id and rank.

    """
    names = tables.names()
    for chunk in window.chunks(users):
        frame = chunk.frame
        features = frame.select(FEATURES).to_numpy()
        scores = score(frame["user_id"].to_numpy(), features, models)
        listed = recommend(frame.with_columns(score=scores))
        yield with_reasons(listed, names).select(*RECOMMENDATIONS, "aisle_id", "department_id")


def check_task(run: Run, task: str) -> None:
    """
    Refuse a run of another task.

    Raises
    ------
    click.ClickException
        Naming both tasks.

    """
    found = run.features.get("task")
    if found != task:
        raise click.ClickException(
            f"{run.folder} is a run of {found}, not of {task}: name one of its own."
        )


def predict(run_folder: Path, data: Path, out: Path, back: Path | None) -> None:
    """
    Write recommendations.parquet: up to 80 new products for every shopper with an order to predict.

    Columns user_id, rank (from 1), product_id, score (the model's chance that the next order holds
    it), reason, model_version (the run), predicted_at (UTC); sorted by user_id and rank. Shoppers
    whose order is known are scored by a model that was not fitted on them.

    Parameters
    ----------
    run_folder
        Folder of a finished run of discovery.
    data
        Path of data.csv.
    out
        Folder to write to.
    back
        A second folder to write to, where the dbt source `predictions` finds it; None for none.

    Raises
    ------
    click.ClickException
        If the run or the tables cannot be read, or the run was trained on another contract.

    """
    run = read_run(run_folder)
    check_task(run, "discovery")
    tables = read_tables(data)
    check_contract(run, tables.contract, data)
    models = read_models(run_folder)
    users = np.unique(tables.targets.filter(pl.col("orders_back") == 0)["user_id"].to_numpy())
    stamps = {
        "model_version": run_folder.resolve().name,
        "predicted_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    columns = pl.Schema([*RECOMMENDATIONS.items(), *((name, pl.String()) for name in stamps)])
    schema = pl.DataFrame(schema=columns).to_arrow().schema
    with (
        file_aside(out / "recommendations.parquet") as aside,
        pq.ParquetWriter(aside, schema) as file,
    ):
        if len(users):
            with step("fit similar shoppers and factors"):
                window = WindowCandidates(tables, 0)
            with counted_step("recommend", len(users)) as advance:
                for listed in recommend_all(tables, window, users, models):
                    rows = listed.with_columns(**{k: pl.lit(v) for k, v in stamps.items()})
                    rows = rows.select(*columns).cast(columns)
                    file.write_table(rows.to_arrow())
                    advance(rows["user_id"].n_unique())
    if back:
        with file_aside(back / "recommendations.parquet") as aside:
            shutil.copyfile(out / "recommendations.parquet", aside)
    say(f"{len(users)} shoppers: the recommendations are in {out}")

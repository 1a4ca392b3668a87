"""Scores the orders to come and decides their baskets."""

from pathlib import Path

import click
import lightgbm as lgb
import numpy as np
import polars as pl

from ml.atomic import file_aside
from ml.buy_again.decision import choose_baskets
from ml.buy_again.reasons import reasons
from ml.contract import Context, default_context
from ml.data import DataFolder, read_data
from ml.progress import say, step
from ml.runs import check_contract, read_run

SCORES = pl.Schema(
    {
        "user_id": pl.Int64,
        "order_id": pl.Int64,
        "product_id": pl.Int64,
        "probability": pl.Float64,
        "rank": pl.Int32,
        "reason": pl.String,
    }
)


def predict(run_folder: Path, data_path: Path, context: Context | None, out: Path) -> None:
    """
    Write scores.parquet and submission.csv for every order of window 0 whose basket is not known.

    scores.parquet has one row per candidate: user_id, order_id (null in live mode), product_id,
    probability, rank (from 1 within the order) and reason, sorted by user_id and rank.
    submission.csv has one row per order: order_id (user_id in live mode) and products separated by
    blanks, the most probable first; `None` for an empty basket. With no order to predict both are
    written without rows.

    Parameters
    ----------
    run_folder
        Folder of a finished run.
    data_path
        Path of data.csv.
    context
        Which of the run's models to use; None takes the one that fits the data's mode.
    out
        Folder to write to.

    Raises
    ------
    click.ClickException
        If the run or the data cannot be read, the model was trained on other columns, or the
        context is order-start in live mode.

    """
    run = read_run(run_folder)
    with step(f"read {data_path}"):
        data = read_data(data_path, "to predict")
    check_contract(run, data.contract, data_path)
    is_live = data.contract.mode == "live"
    if is_live and context == "order-start":
        raise click.ClickException(
            "in live mode the weekday and hour of the next order are not known: predict with"
            " --context pre-order."
        )
    context = context or default_context(data.contract.mode)
    targets = data.targets.filter((pl.col("orders_back") == 0) & ~pl.col("is_known"))
    with step(f"score {targets.height} orders, {context} model"):
        booster = lgb.Booster(model_file=run.model(context))
        scores = _scores(data, targets, booster, run.features["contexts"][context])
    key = "user_id" if is_live else "order_id"
    with file_aside(out / "scores.parquet") as aside:
        scores.select(SCORES.keys()).write_parquet(aside)
    with file_aside(out / "submission.csv") as aside:
        _submission(scores, targets, key).write_csv(aside)
    say(f"the predictions are in {out}")


def _scores(
    data: DataFolder, targets: pl.DataFrame, booster: lgb.Booster, features: list[str]
) -> pl.DataFrame:
    """Give SCORES's columns and is_chosen."""
    rows = data.candidates
    probability = np.asarray(booster.predict(rows.features.select(features)))
    frame = pl.DataFrame(
        {
            "user_id": rows.user_id,
            "product_id": rows.product_id,
            "probability": probability,
            "reason": reasons(rows.features),
            "is_chosen": choose_baskets(rows.user_id, probability),
        }
    )
    return (
        frame.join(targets.select("user_id", "order_id"), on="user_id", how="left")
        .sort("user_id", "probability", "product_id", descending=[False, True, False])
        .with_columns(rank=pl.int_range(1, pl.len() + 1).over("user_id"))
        .cast(SCORES)
    )


def _submission(scores: pl.DataFrame, targets: pl.DataFrame, key: str) -> pl.DataFrame:
    baskets = (
        scores.filter("is_chosen")
        .group_by("user_id", maintain_order=True)
        .agg(products=pl.col("product_id").cast(pl.String).str.join(" "))
    )
    return (
        targets.select("user_id", "order_id")
        .join(baskets, on="user_id", how="left")
        .select(key, pl.col("products").fill_null("None"))
        .sort(key)
    )

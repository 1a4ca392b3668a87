"""Scores the orders to come, decides their baskets and what to submit to Kaggle."""

import tempfile
from contextlib import ExitStack
from pathlib import Path

import click
import lightgbm as lgb
import numpy as np
import polars as pl

from ml.data.arrays import Floats
from ml.data.contract import Context, default_context
from ml.data.data_csv import Candidates
from ml.data.reading import open_data
from ml.data.shop_columns import ShopColumns, shop_columns
from ml.fitting.boosting import predict as predict_rows
from ml.fitting.boosting import read_booster
from ml.fitting.calibration import IsotonicMap
from ml.fitting.explanations import PathContributions
from ml.runs.run import check_contract, read_categories, read_run
from ml.tasks.buy_again import NAME
from ml.tasks.buy_again.cold_start import COLD_START, shop_favourites
from ml.tasks.buy_again.decision import EXPECTED_F1, Decided, Decision, decide
from ml.tasks.buy_again.reasons import facts, reasons
from ml.tools.atomic_files import file_aside
from ml.tools.progress import counted_step, say, step

SCORES = pl.Schema(
    {
        "user_id": pl.Int64,
        "order_id": pl.Int64,
        "product_id": pl.Int64,
        "probability": pl.Float64,
        "rank": pl.Int32,
        "is_in_basket": pl.Boolean,
        "reason": pl.String,
    }
)
EXPLAINED = 10
"""Products per order whose reason comes from the model, besides those in the basket."""


def predict(
    run_folder: Path,
    data_path: Path,
    out: Path,
    *,
    context: Context | None = None,
    decision: Decision = EXPECTED_F1,
) -> None:
    """
    Write the scores, baskets and submission of every order to come, and cold-start favourites.

    These are the orders of window 0 whose basket is not known. scores.parquet has one row per
    candidate: user_id, order_id (null in live mode), product_id, probability, rank (from 1 within
    the order), is_in_basket (of baskets.csv) and reason, sorted by user_id and rank. baskets.csv
    and submission.csv have one row per order: order_id (user_id in live mode) and products
    separated by blanks, the most probable first; where ids are text they have user_code and the
    products' codes, a blank within one written %20 and a percent sign %25. baskets.csv holds the
    basket for a shop, `None` if it is empty. submission.csv holds the set with the highest expected
    F1 in Kaggle's form, whatever the decision for baskets: `None` may be its last or only item.
    cold_start.parquet has the shop's favourites for shoppers without any earlier order. What
    `shop_columns` has of shoppers and products stands in both tables. Where every basket is known
    all are written without rows.

    Parameters
    ----------
    run_folder
        Folder of a finished run.
    data_path
        Path of data.csv.
    out
        Folder to write to.
    context
        Which of the run's models to use; None takes the one that fits the data's mode.
    decision
        How the baskets of baskets.csv are chosen.

    Raises
    ------
    click.ClickException
        If the run or the data cannot be read, the run is of another task, the model was trained on
        other columns, there is no order to predict, or the context is order-start in live mode.

    """
    run = read_run(run_folder, NAME)
    data = open_data(data_path)
    check_contract(run, data.contract, data_path)
    to_predict = data.orders_to_predict()
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".scratch-") as scratch:
        with step(f"read {data_path}"):
            rows = data.candidates(
                "to predict", Path(scratch), categories=read_categories(run_folder)
            )
        is_live = data.contract.mode == "live"
        if is_live and context == "order-start":
            raise click.ClickException(
                "in live mode the weekday and hour of the next order are not known: predict with"
                " --context pre-order."
            )
        context = context or default_context(data.contract.mode)
        targets = to_predict.filter(~pl.col("is_known"))
        booster = read_booster(run.model(context))
        names = run.features["contexts"][context]
        with step(f"score {targets.height} orders, {context} model"):
            probability = predict_rows(booster, rows.columns(), names)
            isotonic = run.parameters["isotonic"][context]
            if isotonic:
                probability = IsotonicMap(**isotonic).apply(probability)
            decided = decide(
                rows.user_id,
                probability,
                effect_sd=run.parameters["effect_sd"][context],
                decision=decision,
            )
        scores = _ranked(rows, targets, probability, decided)
        scores = _with_reasons(scores, rows, booster, names)
    key = "user_id" if is_live else "order_id"
    favourites = shop_favourites(_without_history(rows, targets), data)
    shop = shop_columns(data)
    with ExitStack() as files:
        # all four appear together, or none
        scores_path, baskets_path, submission_path, favourites_path = (
            files.enter_context(file_aside(out / name))
            for name in ("scores.parquet", "baskets.csv", "submission.csv", f"{COLD_START}.parquet")
        )
        shop.added_to(scores.select(SCORES.keys()).cast(SCORES)).write_parquet(scores_path)
        baskets = _products(scores.filter("is_in_basket"), shop)
        _by_order(baskets, targets, key, shop).write_csv(baskets_path)
        submitted = _with_none(_products(scores.filter("is_submitted"), shop), scores)
        _by_order(submitted, targets, key, shop).write_csv(submission_path)
        shop.added_to(favourites).write_parquet(favourites_path)
    say(f"the predictions are in {out}")


def _ranked(
    rows: Candidates, targets: pl.DataFrame, probability: Floats, decided: Decided
) -> pl.DataFrame:
    frame = pl.DataFrame(
        {
            "user_id": rows.user_id,
            "product_id": rows.product_id,
            "probability": probability,
            "is_in_basket": decided.basket,
            "is_submitted": decided.submitted,
            "none_beside": decided.none_beside,
        }
    )
    return (
        frame.with_row_index("row")
        .join(targets.select("user_id", "order_id"), on="user_id", how="left")
        .sort("user_id", "probability", "product_id", descending=[False, True, False])
        .with_columns(rank=pl.int_range(1, pl.len() + 1).over("user_id"))
    )


def _with_reasons(
    scores: pl.DataFrame, rows: Candidates, booster: lgb.Booster, names: list[str]
) -> pl.DataFrame:
    """Explain what is recommended by the model, and state the facts of the rest."""
    is_explained = np.zeros(len(rows), dtype=np.bool_)
    is_explained[
        scores.filter(pl.col("is_in_basket") | (pl.col("rank") <= EXPLAINED))["row"].to_numpy()
    ] = True
    contributions = PathContributions(booster)
    words: list[str] = []
    with counted_step("reasons", len(rows)) as advance:
        for part in rows.columns().batches(names):
            mask = is_explained[len(words) : len(words) + part.num_rows]
            words_of_part = np.array(facts(part), dtype=object)
            explained = part.filter(mask)
            words_of_part[mask] = reasons(explained, contributions.of_rows(explained))
            words += words_of_part.tolist()
            advance(part.num_rows)
    return scores.with_columns(reason=pl.Series(words, dtype=pl.String).gather(scores["row"]))


def _without_history(rows: Candidates, targets: pl.DataFrame) -> pl.DataFrame:
    return targets.filter(~pl.col("user_id").is_in(np.unique(rows.user_id)))


def _products(chosen: pl.DataFrame, shop: ShopColumns) -> pl.DataFrame:
    """Join the products of each shopper, the most probable first, to one text."""
    product = pl.col("product_id").cast(pl.String)
    if shop.has_text_ids:
        # blanks part the products of a basket; one within an id is written as in an address
        product = pl.col("product_code").str.replace_all("%", "%25").str.replace_all(" ", "%20")
    return (
        shop.added_to(chosen)
        .group_by("user_id", maintain_order=True)
        .agg(products=product.str.join(" "))
    )


def _with_none(submitted: pl.DataFrame, scores: pl.DataFrame) -> pl.DataFrame:
    beside = scores.filter("none_beside")["user_id"].unique()
    with_none = pl.col("user_id").is_in(beside.implode())
    products = pl.when(with_none).then(pl.format("{} None", "products")).otherwise("products")
    return submitted.with_columns(products=products)


def _by_order(
    products: pl.DataFrame, targets: pl.DataFrame, key: str, shop: ShopColumns
) -> pl.DataFrame:
    """Give every order to predict its products, or None."""
    written = (
        shop.added_to(targets.select("user_id", "order_id"))
        .join(products, on="user_id", how="left", maintain_order="left")
        .with_columns(pl.col("products").fill_null("None"))
        .sort(key)
    )
    return written.select("user_code" if shop.has_text_ids else key, "products")

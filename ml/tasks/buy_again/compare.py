"""Compares a new run with the live one on the same orders, so that neither has the advantage."""

import json
import tempfile
from pathlib import Path

import click
import lightgbm as lgb
import numpy as np
import polars as pl

from ml.data.arrays import Floats
from ml.data.contract import Context, default_context
from ml.data.reading import DataFolder, read_data
from ml.fitting.boosting import predict as predict_rows
from ml.fitting.calibration import IsotonicMap
from ml.runs.run import Run, check_contract, read_run
from ml.tasks.buy_again.decision import choose_baskets
from ml.tasks.buy_again.evaluation import Evaluation, plan_evaluation
from ml.tools.atomic_files import file_aside
from ml.tools.progress import say, step

_KEY = ["user_id", "order_id", "product_id"]


@click.command()
@click.option("--data", type=click.Path(path_type=Path), required=True, help="data.csv of --run.")
@click.option("--run", type=click.Path(path_type=Path), required=True, help="The new run.")
@click.option("--live", type=click.Path(path_type=Path), required=True, help="The live run.")
@click.option(
    "--live-targets",
    type=click.Path(path_type=Path),
    required=True,
    help="targets.parquet of the data that the live run was trained on.",
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="JSON file to write.")
def compare(data: Path, run: Path, live: Path, live_targets: Path, out: Path) -> None:
    """
    Write the mean F1 of a new run and of the live one on the orders that the new one is judged on.

    Both are judged out of fold: where the live run was judged on an order itself, its out-of-fold
    probabilities count, for its model has seen that basket. Orders that came later are scored by
    its model. The context is the one that the mode predicts with.
    """
    new, old = (read_run(folder, "buy-again") for folder in (run, live))
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".scratch-") as scratch:
        with step(f"read {data}"):
            folder = read_data(data, "labelled", Path(scratch))
        check_contract(old, folder.contract, data)
        evaluation = plan_evaluation(folder)
        context = default_context(folder.contract.mode)
        ours = pl.read_parquet(run / "oof.parquet")[context].to_numpy()
        theirs, unseen = _live_probability(
            folder, evaluation, old, context, pl.read_parquet(live_targets)
        )
    result = {
        "context": context,
        "orders": evaluation.orders.height,
        "rows_new_to_live": int(unseen),
        "same_orders_f1": _mean_f1(evaluation, new, context, ours),
        "live_f1": _mean_f1(evaluation, old, context, theirs),
    }
    with file_aside(out) as aside:
        aside.write_text(json.dumps(result) + "\n", encoding="utf-8")
    say(json.dumps(result))


def _live_probability(
    folder: DataFolder, evaluation: Evaluation, live: Run, context: Context, targets: pl.DataFrame
) -> tuple[Floats, int]:
    """Give the live run's probability of each evaluated row, and how many it had not been fed."""
    rows = evaluation.candidates
    booster = lgb.Booster(model_file=live.model(context))
    scored = predict_rows(booster, rows.columns(), live.features["contexts"][context])
    isotonic = live.parameters["isotonic"][context]
    if isotonic:
        scored = IsotonicMap(**isotonic).apply(scored)
    orders = folder.targets.filter(pl.col("orders_back") == evaluation.window)
    mine = pl.DataFrame({"user_id": rows.user_id, "product_id": rows.product_id}).join(
        orders.select("user_id", "order_id"), on="user_id", how="left", maintain_order="left"
    )
    judged = (
        pl.read_parquet(live.folder / "oof.parquet")
        .join(
            targets.select("user_id", "orders_back", "order_id"),
            on=["user_id", "orders_back"],
            how="inner",
        )
        .select(*_KEY, known=pl.col(context))
    )
    known = mine.join(judged, on=_KEY, how="left", maintain_order="left")["known"]
    is_known = known.is_not_null().to_numpy()
    return np.where(is_known, known.fill_null(0).to_numpy(), scored), int((~is_known).sum())


def _mean_f1(evaluation: Evaluation, run: Run, context: Context, probability: Floats) -> float:
    effect_sd = run.parameters["effect_sd"][context]
    chosen = choose_baskets(evaluation.order, probability, effect_sd=effect_sd)
    return float(evaluation.f1(chosen).mean())

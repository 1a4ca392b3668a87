"""What the gate weighs: mean basket F1 of a new run, of a baseline, and of the live run."""

from pathlib import Path

import numpy as np
import polars as pl

from ml.data.arrays import Booleans, Floats
from ml.data.contract import Context, default_context
from ml.data.reading import DataFolder, open_data
from ml.data.tables import COLUMNS
from ml.fitting.boosting import predict as predict_rows
from ml.fitting.boosting import read_booster
from ml.fitting.calibration import IsotonicMap
from ml.judging.ladder import Ladder
from ml.runs.gate import Figures, LiveFigures
from ml.runs.run import OUT_OF_FOLD, Run, check_contract, read_categories, read_run, scan_run_table
from ml.tasks.buy_again import NAME
from ml.tasks.buy_again.decision import decide
from ml.tasks.buy_again.judged_orders import JudgedOrders, choose_judged_orders
from ml.tasks.buy_again.ladder import BASKET_F1
from ml.tasks.buy_again.predictors import RECENCY
from ml.tools.progress import step

GATE_CONTEXT: Context = "pre-order"
"""Models go live the night before, when nothing is known of the order to come."""

_KEY = ["user_id", "order_id", "product_id"]


def gate_figures(ladder: Ladder) -> Figures:
    """
    Take out of a ladder what the gate weighs: the model, and recency decay as the floor.

    Both by the basket for a shop, which is what a live model gives; Kaggle's form is no shop's.
    """
    (model,) = [one for one in ladder.rungs if one.is_model and one.context == GATE_CONTEXT]
    (floor,) = [one for one in ladder.rungs if one.name == RECENCY]
    return Figures(
        measure=f"mean {BASKET_F1}",
        value=model.measures[BASKET_F1].mean,
        floor=floor.measures[BASKET_F1].mean,
        floor_of=floor.name,
    )


def figures_of(run: Run) -> Figures:
    """Give what a run's training wrote down of them."""
    return Figures(**run.metrics["gate"])


def compare_with_live(
    data_path: Path, run_folder: Path, live_folder: Path, live_targets: Path, scratch: Path
) -> LiveFigures | None:
    """
    Give the mean basket F1 of a new run and of the live one on the orders the new one is judged on.

    None if the live run learnt from all of these. Both are judged out of fold: where the live run
    was judged on an order itself, its out-of-fold probabilities count, for its model has seen that
    basket. Orders that came later are scored by its model. Those that it learnt from without being
    judged on them, because it did not hold every fold out, are left out. The context is the one
    that the mode predicts with.

    Parameters
    ----------
    data_path
        data.csv of the new run.
    run_folder, live_folder
        Folders of the two runs.
    live_targets
        target_orders.parquet of the data that the live run was trained on.
    scratch
        Folder for temporary files.

    Raises
    ------
    click.ClickException
        If a run or the data cannot be read, or the live run was trained on other columns.

    """
    new, live = (read_run(folder, NAME) for folder in (run_folder, live_folder))
    data = open_data(data_path)
    check_contract(live, data.contract, data_path)
    with step(f"read {data_path}"):
        # of the two only the live model scores these rows
        labelled = data.candidates("labelled", scratch, categories=read_categories(live_folder))
    evaluation = choose_judged_orders(data, labelled, new.parameters["folds_held_out"])
    context = default_context(data.contract.mode)
    ours = scan_run_table(new.folder / OUT_OF_FOLD).collect()[context].to_numpy()
    theirs, is_known, is_fair = _live_probability(
        data, evaluation, live, context, scan_run_table(live_targets)
    )
    if not is_fair.any():
        return None
    return LiveFigures(
        context=context,
        orders=int(is_fair.sum()),
        rows_new_to_live=int((~is_known & is_fair[evaluation.order]).sum()),
        value=float(_basket_f1(evaluation, new, context, ours)[is_fair].mean()),
        live_value=float(_basket_f1(evaluation, live, context, theirs)[is_fair].mean()),
    )


def _live_probability(
    data: DataFolder, evaluation: JudgedOrders, live: Run, context: Context, targets: pl.LazyFrame
) -> tuple[Floats, Booleans, Booleans]:
    """
    Give the live run's probability of each evaluated row, and whether it is out of fold.

    The third tells of each order whether the live run scores it without having learnt from it.
    """
    rows = evaluation.candidates
    booster = read_booster(live.model(context))
    scored = predict_rows(booster, rows.columns(), live.features["contexts"][context])
    isotonic = live.parameters["isotonic"][context]
    if isotonic:
        scored = IsotonicMap(**isotonic).apply(scored)
    mine = pl.DataFrame({"user_id": rows.user_id, "product_id": rows.product_id}).join(
        data.window_targets(evaluation.window).select("user_id", "order_id"),
        on="user_id",
        how="left",
        maintain_order="left",
    )
    targets = targets.select(COLUMNS["target_orders"])
    judged = (
        scan_run_table(live.folder / OUT_OF_FOLD)
        .join(targets, on=["user_id", "orders_back"], how="inner")
        .select(*_KEY, known=pl.col(context))
        .collect()
    )
    known = mine.join(judged, on=_KEY, how="left", maintain_order="left")["known"]
    is_known = known.is_not_null().to_numpy()
    learnt = targets.filter(pl.col("orders_back") >= live.data["evaluation_window"])
    orders = learnt.select("order_id").collect()["order_id"]
    is_fair = ~evaluation.orders["order_id"].is_in(orders.implode()).to_numpy()
    is_fair[evaluation.order[is_known]] = True
    return np.where(is_known, known.fill_null(0).to_numpy(), scored), is_known, is_fair


def _basket_f1(evaluation: JudgedOrders, run: Run, context: Context, probability: Floats) -> Floats:
    effect_sd = run.parameters["effect_sd"][context]
    decided = decide(evaluation.order, probability, effect_sd=effect_sd)
    return evaluation.basket_f1(decided)

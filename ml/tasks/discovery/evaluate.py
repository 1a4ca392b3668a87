"""Judges a run's out-of-fold lists again, and older windows too, beside every baseline."""

from pathlib import Path

import polars as pl

from ml.data.reading import DataFolder, open_data
from ml.judging.ladder import Ladder
from ml.runs.fold_models import FoldModels, read_fold_models
from ml.runs.run import OUT_OF_FOLD, check_contract, check_fingerprint, read_run, scan_run_table
from ml.tasks.discovery import NAME, READS, parameters
from ml.tasks.discovery.ladder import JudgedWindow, evaluate_lists, judge_window
from ml.tasks.discovery.model import Examples, examples_of, fit_folds, score
from ml.tasks.discovery.recommend import recommend
from ml.tasks.discovery.train import labelled_windows


def evaluate(data_path: Path, run_folder: Path) -> Ladder:
    """
    Score the baselines and beside them the lists that the run made out of fold.

    Up to JUDGED_WINDOWS - 1 older windows are judged too. Their lists come from re-rankers that are
    fitted here, with the run's folds: each learnt from the window that it scores and older ones.

    Parameters
    ----------
    data_path
        Path of data.csv.
    run_folder
        Folder of a finished run of discovery.

    Raises
    ------
    click.ClickException
        If there is no such run, or it was trained on other data.

    """
    run = read_run(run_folder, NAME)
    data = open_data(data_path)
    check_contract(run, data.contract, data_path)
    check_fingerprint(run, data.fingerprint(READS), data_path)
    listed = scan_run_table(run.folder / OUT_OF_FOLD).select(
        "user_id",
        "rank",
        "product_id",
        orders_back=pl.lit(run.metrics["ladder"]["window"], pl.Int32),
    )
    models = read_fold_models(run.folder, NAME)
    windows, older = _older_lists(data, models)
    return evaluate_lists(windows, pl.concat([listed.collect(), *older]))


def _older_lists(
    data: DataFolder, models: FoldModels
) -> tuple[list[JudgedWindow], list[pl.DataFrame]]:
    """Give the windows judged, the newest first, and the lists of all but the newest."""
    windows: list[JudgedWindow] = []
    candidates: dict[int, pl.DataFrame] = {}
    examples: dict[int, Examples] = {}
    for window, frame in labelled_windows(data):
        examples[window.orders_back] = examples_of(frame)
        if len(windows) < parameters.JUDGED_WINDOWS and frame["label"].sum():
            windows.append(judge_window(data, window))
            candidates[window.orders_back] = frame.select(
                "user_id", "product_id", "aisle_id", "department_id"
            )
    lists = []
    for orders_back in [one.orders_back for one in windows[1:]]:
        learnt = [one for number, one in examples.items() if number >= orders_back]
        fitted = fit_folds(learnt, models.users, models.folds)
        own = examples[orders_back]
        chances = score(own.keys["user_id"].to_numpy(), own.features, fitted)
        listed = recommend(candidates[orders_back].with_columns(score=chances))
        lists.append(
            listed.select(
                "user_id", "rank", "product_id", orders_back=pl.lit(orders_back, pl.Int32)
            )
        )
    return windows, lists

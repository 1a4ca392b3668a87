"""Judges a run's out-of-fold lists again, and older windows too, beside every baseline."""

from pathlib import Path

import polars as pl

from ml.data.reading import DataFolder, open_data
from ml.judging.ladder import Ladder
from ml.runs.fold_models import FoldModels, read_fold_models
from ml.runs.run import check_contract, check_fingerprint, read_run
from ml.tasks.discovery import NAME, READS, parameters
from ml.tasks.discovery.ladder import JudgedWindow, evaluate_lists, judge_window, model_lists
from ml.tasks.discovery.model import Examples, examples_of, fit_folds, score
from ml.tasks.discovery.train import labelled_windows


def evaluate(data_path: Path, run_folder: Path) -> Ladder:
    """
    Score the baselines and beside them the lists that the run's models make out of fold.

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
    return evaluate_lists(*_lists(data, read_fold_models(run.folder, NAME)))


def _lists(
    data: DataFolder, models: FoldModels
) -> tuple[list[JudgedWindow], list[dict[str, pl.DataFrame]]]:
    """Give the windows judged, the newest first, and the model's lists of each."""
    windows: list[JudgedWindow] = []
    candidates: dict[int, pl.DataFrame] = {}
    examples: dict[int, Examples] = {}
    for window, frame in labelled_windows(data):
        examples[window.orders_back] = examples_of(frame)
        if len(windows) < parameters.JUDGED_WINDOWS and frame["label"].sum():
            windows.append(judge_window(data, window))
            candidates[window.orders_back] = frame.select(
                "user_id", "product_id", "aisle_id", "department_id", "prod_buyer_share"
            )
    lists: list[dict[str, pl.DataFrame]] = []
    for orders_back, frame in candidates.items():
        fitted = models
        if lists:
            learnt = [one for number, one in examples.items() if number >= orders_back]
            fitted = fit_folds(learnt, models.users, models.folds)
        own = examples[orders_back]
        chances = score(own.keys["user_id"].to_numpy(), own.features, fitted)
        lists.append(model_lists(frame.with_columns(score=chances), orders_back))
    return windows, lists

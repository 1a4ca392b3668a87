"""Climbs the ladder again with a run's out-of-fold predictions."""

from pathlib import Path

import polars as pl

from ml.data.contract import CONTEXTS
from ml.data.reading import read_data
from ml.runs.run import check_fingerprint, read_run
from ml.tasks.buy_again.entries import MODEL, SEED_RECIPE, Prediction
from ml.tasks.buy_again.evaluation import plan_evaluation
from ml.tasks.buy_again.ladder import Ladder, climb
from ml.tools.progress import step


def evaluate(data_path: Path, run_folder: Path) -> Ladder:
    """
    Score the baselines on a data folder and beside them the run that was trained on it.

    Parameters
    ----------
    data_path
        Path of data.csv.
    run_folder
        Folder of a finished run.

    Raises
    ------
    click.ClickException
        If there is no such run, or it is of another task or was trained on other data.

    """
    run = read_run(run_folder, "buy-again")
    with step(f"read {data_path}"):
        data = read_data(data_path, "labelled")
    check_fingerprint(run, "sha256", data.fingerprint, data_path)
    evaluation = plan_evaluation(data)
    out_of_fold = pl.read_parquet(run.folder / "oof.parquet")
    seconds = {
        (rung["name"], rung["context"]): rung["seconds"] for rung in run.metrics["ladder"]["rungs"]
    }
    models = {
        context: Prediction(out_of_fold[context].to_numpy(), seconds[MODEL, context])
        for context in CONTEXTS
    }
    seed = out_of_fold["seed-recipe"].to_numpy()
    return climb(data, evaluation, Prediction(seed, seconds[SEED_RECIPE, "order-start"]), models)

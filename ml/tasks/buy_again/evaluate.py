"""Judges a run's out-of-fold predictions again, beside every baseline."""

from pathlib import Path

from ml.data.contract import CONTEXTS
from ml.data.reading import open_data
from ml.judging.ladder import Ladder
from ml.runs.run import OUT_OF_FOLD, check_fingerprint, read_run, scan_run_table
from ml.tasks.buy_again import NAME, READS
from ml.tasks.buy_again.judged_orders import choose_judged_orders
from ml.tasks.buy_again.ladder import evaluate_predictors
from ml.tasks.buy_again.predictors import OutOfFold
from ml.tasks.buy_again.train import ORIGINAL_COLUMN
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
    run = read_run(run_folder, NAME)
    data = open_data(data_path)
    with step(f"read {data_path}"):
        labelled = data.candidates("labelled")
        check_fingerprint(run, data.fingerprint(READS), data_path)
    evaluation = choose_judged_orders(data, labelled, run.parameters["folds_held_out"])
    out_of_fold = scan_run_table(run.folder / OUT_OF_FOLD).collect()
    seconds = run.metrics["fit_seconds"]
    original = OutOfFold(out_of_fold[ORIGINAL_COLUMN].to_numpy(), seconds[ORIGINAL_COLUMN])
    models = {
        context: OutOfFold(out_of_fold[context].to_numpy(), seconds[context])
        for context in CONTEXTS
    }
    return evaluate_predictors(data, evaluation, original, models).ladder

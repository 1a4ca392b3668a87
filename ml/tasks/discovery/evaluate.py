"""Judges a run's out-of-fold lists again, beside every baseline."""

from pathlib import Path

from ml.data.reading import open_data
from ml.judging.ladder import Ladder
from ml.runs.run import OUT_OF_FOLD, check_contract, check_fingerprint, read_run, scan_run_table
from ml.tasks.discovery import NAME, READS
from ml.tasks.discovery.candidates import WindowCandidates
from ml.tasks.discovery.ladder import evaluate_lists, novel_truth
from ml.tools.progress import step


def evaluate(data_path: Path, run_folder: Path) -> Ladder:
    """
    Score the baselines and beside them the lists that the run made out of fold.

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
    listed = scan_run_table(run.folder / OUT_OF_FOLD).collect()
    orders_back = run.metrics["ladder"]["window"]
    truth = novel_truth(data, orders_back)
    with step("similar shoppers and factors"):
        window = WindowCandidates(data, orders_back)
    return evaluate_lists(data, window, truth, listed)

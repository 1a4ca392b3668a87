"""Judges a run's out-of-fold lists again, beside every baseline."""

from pathlib import Path

import polars as pl

from ml.data.discovery_tables import read_tables
from ml.runs.run import check_contract, check_fingerprint, read_run
from ml.tasks.discovery.candidates import WindowCandidates
from ml.tasks.discovery.ladder import Ladder, climb, novel_truth
from ml.tools.progress import step


def evaluate(data: Path, run_folder: Path) -> Ladder:
    """
    Score the baselines and beside them the lists that the run made out of fold.

    Parameters
    ----------
    data
        Path of data.csv.
    run_folder
        Folder of a finished run of discovery.

    Raises
    ------
    click.ClickException
        If there is no such run, or it was trained on other data.

    """
    run = read_run(run_folder, "discovery")
    tables = read_tables(data)
    check_contract(run, tables.contract, data)
    check_fingerprint(run, "tables_sha256", tables.fingerprint(), data)
    listed = pl.read_parquet(run.folder / "oof.parquet")
    orders_back = run.metrics["ladder"]["window"]
    truth = novel_truth(tables, orders_back)
    with step("similar shoppers and factors"):
        window = WindowCandidates(tables, orders_back)
    return climb(tables, window, truth, listed)

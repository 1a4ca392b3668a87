"""Judges a run's rankers again, on the orders that they were judged on, beside every baseline."""

from pathlib import Path

import numpy as np

from ml.data.reading import open_data
from ml.fitting.boosting import read_booster
from ml.judging.ladder import Ladder
from ml.runs.fold_models import read_fold_models
from ml.runs.run import check_contract, check_fingerprint, read_run
from ml.tasks import discovery
from ml.tasks.next_in_cart import NAME, READS, parameters
from ml.tasks.next_in_cart.ladder import evaluate_rankers
from ml.tasks.next_in_cart.ranker import known_orders
from ml.tasks.next_in_cart.state import load_state


def evaluate(data_path: Path, run_folder: Path) -> Ladder:
    """
    Score the baselines and the rankers of each fold at every step of the judged orders.

    Parameters
    ----------
    data_path
        Path of data.csv.
    run_folder
        Folder of a finished run of next-in-cart.

    Raises
    ------
    click.ClickException
        If there is no such run, or it was trained on other data.

    """
    run = read_run(run_folder, NAME)
    data = open_data(data_path)
    check_contract(run, data.contract, data_path)
    check_fingerprint(run, data.fingerprint(READS), data_path)
    state = load_state(run.folder / "judged-state.npz")
    models = read_fold_models(run.folder, discovery.NAME)
    orders_back = run.metrics["ladder"]["window"]
    orders = known_orders(data, orders_back, state)
    users = state.users[np.array([order.user for order in orders], dtype=np.int64)]
    ladder, _out_of_fold = evaluate_rankers(
        data,
        state,
        orders_back,
        orders,
        models.fold_of(users),
        [read_booster(run.folder / f"ranker-fold-{fold}.txt") for fold in range(parameters.FOLDS)],
    )
    return ladder

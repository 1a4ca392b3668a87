"""Judges a run's rankers again, on the orders that they were judged on, beside every baseline."""

from pathlib import Path

import numpy as np

from ml.data.discovery_tables import read_tables
from ml.runs.run import check_contract, check_fingerprint, read_run
from ml.tasks.discovery.model import read_models
from ml.tasks.next_in_cart import parameters
from ml.tasks.next_in_cart.ladder import Ladder, climb
from ml.tasks.next_in_cart.ranker import known_orders, read_booster
from ml.tasks.next_in_cart.state import NEIGHBOURS, load_state


def evaluate(data: Path, run_folder: Path) -> Ladder:
    """
    Score the baselines and the rankers of each fold at every step of the judged orders.

    Parameters
    ----------
    data
        Path of data.csv.
    run_folder
        Folder of a finished run of next-in-cart.

    Raises
    ------
    click.ClickException
        If there is no such run, or it was trained on other data.

    """
    run = read_run(run_folder, "next-in-cart")
    tables = read_tables(data)
    check_contract(run, tables.contract, data)
    check_fingerprint(run, "tables_sha256", tables.fingerprint(NEIGHBOURS), data)
    state = load_state(run.folder / "judged-state.npz")
    models = read_models(run.folder)
    orders_back = run.metrics["ladder"]["window"]
    orders = known_orders(tables, orders_back, state)
    users = state.users[np.array([order.user for order in orders], dtype=np.int64)]
    ladder, _said = climb(
        tables,
        state,
        orders_back,
        orders,
        models.fold_of(users),
        [read_booster(run.folder / f"ranker-fold-{fold}.txt") for fold in range(parameters.FOLDS)],
    )
    return ladder

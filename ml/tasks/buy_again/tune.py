"""Searches fitting parameters on older windows, so that the judged orders stay unseen."""

import tempfile
import time
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from ml.data.contract import feature_names
from ml.data.data_csv import Candidates
from ml.data.reading import DataFolder, open_data
from ml.fitting.boosting import FitParameters, fit
from ml.fitting.parameter_files import write_parameters
from ml.judging.metrics import log_loss
from ml.tasks.buy_again import READS
from ml.tasks.buy_again.judged_orders import choose_judged_orders
from ml.tasks.buy_again.parameters import SEED, parameters_for
from ml.tools.progress import say, step

_FIRST_RANDOM = 8


def tune(data_path: Path, out: Path, minutes: float) -> None:
    """
    Look for the parameters with the lowest out-of-fold logloss, and write them with the record.

    Rows of the newest labelled window are left out altogether; models are judged on the window
    before it, by folds of shoppers, the order-start context. The search (Bergstra et al.,
    Algorithms for Hyper-Parameter Optimization, NIPS 2011, as optuna has it) begins with the
    defaults and keeps its trials beside `out` in a journal, from which a later call on the same
    data goes on.

    Parameters
    ----------
    data_path
        Path of data.csv.
    out
        File to write: what `train --parameters` reads, and under `search` the record.
    minutes
        No trial but the first begins after this time.

    Raises
    ------
    click.ClickException
        If the data cannot be read or has fewer than two windows with labels.

    """
    end = time.monotonic() + 60 * minutes
    out.parent.mkdir(parents=True, exist_ok=True)
    data = open_data(data_path)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".scratch-") as scratch:
        with step(f"read {data_path}"):
            rows = _older_windows(data, data.candidates("labelled", Path(scratch)))
            fingerprint = data.fingerprint(READS)
        evaluation = choose_judged_orders(data, rows)
        examples = evaluation.examples(rows)
        names = feature_names(data.contract, "order-start")
        default = parameters_for(len(rows))

        def loss(trial: optuna.Trial) -> float:
            fitted = fit(
                examples,
                names,
                _suggest(trial, default),
                title=f"trial {trial.number + 1}",
                with_final=False,
            )
            found = log_loss(evaluation.candidates.label, fitted.probability)
            say(f"trial {trial.number + 1}: logloss {found:.5f}")
            return found

        study = _study(out, fingerprint)
        if not study.trials:
            study.enqueue_trial(
                {name: default.lightgbm[name] for name in _SEARCHED if name in default.lightgbm}
            )
        study.optimize(loss, n_trials=1)
        while time.monotonic() < end:
            study.optimize(loss, n_trials=1)
    trials = [
        {"logloss": trial.value, "parameters": trial.params}
        for trial in study.trials
        if trial.value is not None
    ]
    record = {
        "measure": "out-of-fold logloss, order-start context",
        "window": evaluation.window,
        "orders": evaluation.orders.height,
        "data_fingerprint": fingerprint,
        "optuna": optuna.__version__,
        "trials": trials,
    }
    best = replace(default, lightgbm=default.lightgbm | study.best_params)
    write_parameters(out, best, record)
    say(f"{len(trials)} trials, the best with logloss {study.best_value:.5f}: {out}")


_SEARCHED = (
    "learning_rate",
    "num_leaves",
    "min_data_in_leaf",
    "feature_fraction",
    "lambda_l2",
)


def _suggest(trial: optuna.Trial, default: FitParameters) -> FitParameters:
    leaves = default.lightgbm["num_leaves"]
    suggested = {
        "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.12, log=True),
        "num_leaves": trial.suggest_int("num_leaves", leaves // 2, 2 * leaves, log=True),
        "min_data_in_leaf": trial.suggest_int("min_data_in_leaf", 5, 1_000, log=True),
        "feature_fraction": trial.suggest_float("feature_fraction", 0.2, 1.0),
        "lambda_l2": trial.suggest_float("lambda_l2", 1e-3, 100.0, log=True),
    }
    return replace(default, lightgbm=default.lightgbm | suggested)


def _older_windows(data: DataFolder, rows: Candidates) -> Candidates:
    windows = np.unique(rows.orders_back)
    if len(windows) < 2:  # noqa: PLR2004 - one to judge models on, one to search on
        raise click.ClickException(
            f"{data.path} has labels in {len(windows)} window: a search needs a second one, as the"
            " newest is kept for judging. Build with more windows."
        )
    return rows.where(rows.orders_back > windows[0])


def _study(out: Path, fingerprint: str) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    journal = JournalFileBackend(str(out.with_name(f"{out.stem}.journal")))
    return optuna.create_study(
        study_name=fingerprint,
        storage=JournalStorage(journal),
        sampler=optuna.samplers.TPESampler(seed=SEED, n_startup_trials=_FIRST_RANDOM),
        direction="minimize",
        load_if_exists=True,
    )

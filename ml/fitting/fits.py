"""Makes several fits, side by side where each has one thread, and keeps what is finished."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np

from ml.data.arrays import Booleans, Integers
from ml.tools.atomic_files import file_aside
from ml.tools.machine import cores, give_memory_back
from ml.tools.progress import FitsProgress, fits_progress, say

Reached = Callable[[int], None]
"""Takes the number of rounds that a fit has behind it."""

Make = Callable[[Reached], str]
"""Fits, telling how far it is; gives what is to be kept, mostly a model as LightGBM writes it."""


def run_fits(
    title: str,
    fits: Mapping[str, Make],
    *,
    threads: int,
    checkpoints: Path | None = None,
    later: int = 0,
) -> dict[str, str]:
    """
    Make some fits and give what each of them gives.

    One fit on two threads takes three quarters of its time on one thread, so small fits have one
    thread each and as many are made at once as there are cores. Fits on more threads, which are
    also those that need much memory, are made one after the other.

    Parameters
    ----------
    title
        What is fitted, for the progress lines.
    fits
        By name, in the order in which they are begun: calls that fit.
    threads
        LightGBM's `num_threads` of each fit.
    checkpoints
        Folder that keeps each finished fit and gives back those of an interrupted call with the
        same arguments; None keeps none.
    later
        How many fits of another call will follow, for the time left.

    """
    models = {}
    missing = dict(fits)
    kept_in = {name: _path(checkpoints, title, name) for name in fits}
    for name, path in kept_in.items():
        if path and path.is_file():
            say(f"{title}, {name}: taken from the run that was interrupted")
            models[name] = path.read_text(encoding="utf-8")
            del missing[name]
    at_once = min(cores() if threads == 1 else 1, len(missing)) or 1
    stopping = threading.Event()
    with (
        fits_progress(title, len(missing), later, at_once) as progress,
        ThreadPoolExecutor(at_once) as pool,
    ):
        begun = {
            name: pool.submit(_fit, f"{title}, {name}", make, progress, stopping, kept_in[name])
            for name, make in missing.items()
        }
        try:
            models |= {name: fit.result() for name, fit in begun.items()}
        except BaseException:
            stopping.set()
            pool.shutdown(cancel_futures=True)
            raise
    return {name: models[name] for name in fits}


def subset(data: lgb.Dataset, rows: Booleans) -> lgb.Dataset:
    """Copy the bins of the chosen rows, bool [n]."""
    # LightGBM takes an array as well as a list, which for millions of rows is much larger
    return data.subset(np.flatnonzero(rows))  # type: ignore[arg-type]


def fold_name(fold: int, folds: int) -> str:
    """Name the fit that leaves a fold out."""
    return f"fold {fold + 1} of {folds}"


def after_each_round(reached: Reached) -> Callable[[lgb.callback.CallbackEnv], None]:
    """Make the callback by which LightGBM tells how far it is."""
    return lambda environment: reached(environment.iteration + 1)


def fit_without_each_fold(  # noqa: PLR0913 - what to fit and how
    title: str,
    data: lgb.Dataset,
    fold: Integers,
    *,
    folds: int,
    parameters: dict[str, Any],
    rounds: int,
) -> tuple[list[str], str]:
    """
    Fit one model without each fold's rows and one on all rows, all with the same rounds.

    Parameters
    ----------
    title
        What is fitted, for the progress lines.
    data
        The binned rows, n of them.
    fold
        int64 [n]: the fold of each, from 0.
    folds
        Number of folds.
    parameters
        LightGBM's own parameters.
    rounds
        How many trees.

    Returns
    -------
    list of str
        The model of each fold, as LightGBM writes it.
    str
        The model of all rows.

    """

    def make(rows: Booleans | None, reached: Reached) -> str:
        part = data if rows is None else subset(data, rows)
        booster = lgb.train(parameters, part, rounds, callbacks=[after_each_round(reached)])
        return booster.model_to_string()

    fits: dict[str, Make] = {"all rows": partial(make, None)}
    for held_out in range(folds):
        fits[fold_name(held_out, folds)] = partial(make, fold != held_out)
    model, *fold_models = run_fits(title, fits, threads=parameters["num_threads"]).values()
    return fold_models, model


def _fit(
    step: str, make: Make, progress: FitsProgress, stopping: threading.Event, path: Path | None
) -> str:
    with progress.fit(step) as advance:
        model = make(partial(_advance, advance, stopping))
    give_memory_back()
    if path:
        with file_aside(path) as aside:
            aside.write_text(model, encoding="utf-8")
    return model


def _advance(advance: Reached, stopping: threading.Event, rounds: int) -> None:
    if stopping.is_set():
        raise InterruptedError("another fit failed or the command was interrupted")
    advance(rounds)


def _path(checkpoints: Path | None, title: str, name: str) -> Path | None:
    step = f"{title}-{name}".replace(" ", "-")
    return checkpoints and checkpoints / f"{step}.txt"

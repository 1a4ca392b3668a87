"""Fits boosted trees: out of fold to be judged, and once on everything; resumed if interrupted."""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import click
import lightgbm as lgb
import numpy as np

from ml.data.arrays import Booleans, Floats, Integers
from ml.data.categories import CATEGORIES
from ml.data.feature_file import Features
from ml.fitting.fits import Callback, Make, run_fits, subset
from ml.fitting.folds import hold_out
from ml.tools.machine import give_memory_back

_FINAL = "all rows"
_FINAL_VALIDATION_SHARE = 0.5


@dataclass(frozen=True)
class FitParameters:
    """
    How boosted trees are fitted.

    Attributes
    ----------
    lightgbm
        LightGBM's own parameters.
    most_rounds
        Rounds after which a fit stops in any case.
    stopping_rounds
        Rounds without a better loss on the held-out shoppers before a fit stops.
    validation_share
        Part of the training shoppers that decides when to stop.
    refits
        Whether a fold's model is fitted again on all its training shoppers once the number of
        rounds is known. Worth its time only where every shopper counts.

    """

    lightgbm: dict[str, Any]
    most_rounds: int
    stopping_rounds: int
    validation_share: float
    refits: bool


@dataclass(frozen=True)
class Examples:
    """
    Labelled rows, n of them, and who is held out when.

    Attributes
    ----------
    features
        The columns of the rows.
    label
        float64 [n], 1 or 0.
    shopper
        int64 [n]: the number of the row's shopper (DataFolder.shopper_numbers).
    fold
        int64 [n]: the fold that holds the row's shopper out.
    is_judged
        bool [n]: whether the row is of the orders that the models are judged on.

    """

    features: Features
    label: Floats
    shopper: Integers
    fold: Integers
    is_judged: Booleans


@dataclass(frozen=True)
class Fitted:
    """
    What fitting gives.

    Attributes
    ----------
    features
        Names of the columns read, in order.
    final
        The model of all rows; None if it was not asked for.
    fold_models
        The model of each fold.
    fold_rounds
        Rounds of each of them.
    probability
        float64 [judged rows]: out-of-fold probabilities.
    older_probability
        float64 [other rows]: theirs; NaN if they were not asked for.
    seconds
        Time of all fits and predictions.

    """

    features: list[str]
    final: lgb.Booster | None
    fold_models: list[lgb.Booster]
    fold_rounds: list[int]
    probability: Floats
    older_probability: Floats
    seconds: float

    def booster(self) -> lgb.Booster:
        """
        Give the final model.

        Raises
        ------
        ValueError
            If it was not asked for.

        """
        if self.final is None:
            raise ValueError("the final model was not asked for")
        return self.final

    def gain(self) -> dict[str, float]:
        """Give how much each feature lowered the loss, summed over all splits."""
        amounts = self.booster().feature_importance("gain")
        return {name: float(value) for name, value in zip(self.features, amounts, strict=True)}


def fit(  # noqa: PLR0913 - what to fit, how, and where to keep it
    examples: Examples,
    names: list[str],
    parameters: FitParameters,
    *,
    title: str,
    checkpoints: Path | None = None,
    with_final: bool = True,
    with_older: bool = False,
) -> Fitted:
    """
    Fit one model per fold and one on all rows.

    In each fold some of the training shoppers decide when to stop. Rows of other windows train
    with their shopper and never when the shopper is held out. The model of all rows will mostly
    score shoppers whose older rows it was fitted on, which bears more rounds: if there are older
    rows, it stops by the judged rows of half the shoppers, whose older rows train, and is fitted
    again on everything. Otherwise it has the median rounds of the folds.

    Parameters
    ----------
    examples
        What to learn from.
    names
        Names of the columns to read.
    parameters
        How to fit.
    title
        What is fitted, for the progress lines.
    checkpoints
        Folder that keeps each finished fit and gives back those of an interrupted call with the
        same arguments; None keeps none.
    with_final
        Whether to fit the model on all rows.
    with_older
        Whether rows that are not judged are predicted out of fold as well.

    """
    begun = time.perf_counter()
    run = partial(
        run_fits, title, threads=parameters.lightgbm["num_threads"], checkpoints=checkpoints
    )
    models = _fit_models(examples, names, parameters, run, with_final=with_final)
    give_memory_back()  # that of the bins
    fold_models = [lgb.Booster(model_str=text) for name, text in models.items() if name != _FINAL]
    probability = np.full(len(examples.label), np.nan)
    for held_out, booster in enumerate(fold_models):
        rows = (examples.is_judged | with_older) & (examples.fold == held_out)
        probability[rows] = predict(booster, examples.features.where(rows), names)
    return Fitted(
        features=names,
        final=lgb.Booster(model_str=models[_FINAL]) if with_final else None,
        fold_models=fold_models,
        fold_rounds=[booster.num_trees() for booster in fold_models],
        probability=probability[examples.is_judged],
        older_probability=probability[~examples.is_judged],
        seconds=time.perf_counter() - begun,
    )


def dataset(examples: Examples, names: list[str], parameters: FitParameters) -> lgb.Dataset:
    """Bin the columns part by part, so that all values are never in memory, only their bins."""
    features = examples.features

    @lru_cache(maxsize=1)
    def matrix(number: int) -> Floats:
        return features.matrix(number, names)

    parts: list[lgb.Sequence] = [
        _Part(partial(matrix, number), rows)
        for number, rows in enumerate(features.batch_rows())
        if rows
    ]
    return lgb.Dataset(
        parts,
        label=examples.label,
        params=parameters.lightgbm,
        feature_name=names,
        categorical_feature=[name for name in names if name in CATEGORIES],
        free_raw_data=True,
    ).construct()


class _Part(lgb.Sequence):
    """Rows that LightGBM reads when it needs them."""

    batch_size = 1 << 14

    def __init__(self, matrix: Callable[[], Floats], rows: int) -> None:
        self._matrix = matrix
        self._rows = rows

    def __getitem__(self, index: int | slice | list[int]) -> Floats:
        return self._matrix()[index]

    def __len__(self) -> int:
        return self._rows


def boost(
    data: lgb.Dataset,
    rows: Booleans,
    parameters: FitParameters,
    rounds: int,
    callback: Callback | None = None,
) -> lgb.Booster:
    """
    Fit a given number of rounds on some rows of a binned data set.

    Parameters
    ----------
    data
        All rows, from `dataset`.
    rows
        bool [n]: which of them.
    parameters
        How to fit.
    rounds
        How many trees.
    callback
        Called by LightGBM after each.

    """
    # all rows need no copy of the bins
    part = data if rows.all() else subset(data, rows)
    return lgb.train(parameters.lightgbm, part, rounds, callbacks=[callback] if callback else None)


def read_booster(path: Path) -> lgb.Booster:
    """Read a model of a run; raises as `read_model`."""
    return lgb.Booster(model_str=read_model(path))


def read_model(path: Path) -> str:
    """
    Read a model of a run as LightGBM writes it.

    Raises
    ------
    click.ClickException
        If the file is missing or damaged.

    """
    fault: object = "it is cut off"
    try:
        text = path.read_text(encoding="utf-8")
        # a tree that is cut off would end the whole process inside LightGBM
        if "end of trees" in text:
            lgb.Booster(model_str=text)
            return text
    except (OSError, ValueError, lgb.basic.LightGBMError) as error:
        fault = error
    raise click.ClickException(f"{path} is no model ({fault}): train again.")


def predict(booster: lgb.Booster, features: Features, names: list[str]) -> Floats:
    """
    Give the probability of each row, float64 [n].

    Parameters
    ----------
    booster
        A fitted model.
    features
        n rows.
    names
        The columns that the model was fitted on, in order.

    """
    parts = [np.asarray(booster.predict(part)) for part in features.batches(names)]
    return np.concatenate([np.empty(0), *parts])


def checkpoint_name(*what: Any) -> str:  # noqa: ANN401
    """Name the folder of checkpoints by everything that the fits depend on."""
    text = json.dumps([what, lgb.__version__], sort_keys=True, default=asdict)
    return f".fits-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _fit_models(
    examples: Examples,
    names: list[str],
    parameters: FitParameters,
    run: Callable[[dict[str, Make]], dict[str, str]],
    *,
    with_final: bool,
) -> dict[str, str]:
    """Bin the examples and fit: _FINAL, if asked for, and one model for each fold, in order."""
    folds = int(examples.fold.max()) + 1
    data = dataset(examples, names, parameters)
    fits: dict[str, Make] = {}
    has_older_rows = not examples.is_judged.all()
    if with_final and has_older_rows:
        # first, because it takes longest
        fits[_FINAL] = partial(_fit_all, data, examples, parameters)
    for held_out in range(folds):
        name = f"fold {held_out + 1} of {folds}"
        fits[name] = partial(_fit_fold, data, examples, held_out, parameters)
    models = run(fits)
    if with_final and not has_older_rows:
        trees = [lgb.Booster(model_str=text).num_trees() for text in models.values()]
        rounds = int(np.median(trees))
        models |= run({_FINAL: partial(boost, data, examples.is_judged, parameters, rounds)})
    return models


def _fit_fold(
    data: lgb.Dataset,
    examples: Examples,
    held_out: int,
    parameters: FitParameters,
    callback: Callback,
) -> lgb.Booster:
    trains = examples.fold != held_out
    shoppers = np.unique(examples.shopper[trains & examples.is_judged])
    stops = np.isin(examples.shopper, hold_out(shoppers, parameters.validation_share))
    booster = _stopped(data, trains & ~stops, trains & stops, parameters, callback)
    rounds = int(booster.best_iteration)
    if parameters.refits:
        return boost(data, trains, parameters, rounds, callback)
    return lgb.Booster(model_str=booster.model_to_string(num_iteration=rounds))


def _fit_all(
    data: lgb.Dataset, examples: Examples, parameters: FitParameters, callback: Callback
) -> lgb.Booster:
    judged = examples.is_judged
    shoppers = hold_out(np.unique(examples.shopper[judged]), _FINAL_VALIDATION_SHARE)
    stops = judged & np.isin(examples.shopper, shoppers)
    rounds = int(_stopped(data, ~stops, stops, parameters, callback).best_iteration)
    return boost(data, np.ones(len(stops), dtype=np.bool_), parameters, rounds, callback)


def _stopped(
    data: lgb.Dataset,
    trains: Booleans,
    stops: Booleans,
    parameters: FitParameters,
    callback: Callback,
) -> lgb.Booster:
    """Fit on some rows until the loss on others no longer falls."""
    return lgb.train(
        parameters.lightgbm,
        subset(data, trains),
        parameters.most_rounds,
        valid_sets=[subset(data, stops)],
        callbacks=[callback, lgb.early_stopping(parameters.stopping_rounds, verbose=False)],
    )

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
from ml.fitting.fits import Make, Reached, after_each_round, fold_name, run_fits, subset
from ml.fitting.folds import hold_out
from ml.tools.hashes import check_hash
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
        Part of a fold's training shoppers that decides when to stop, unless it `refits`.
    refits
        Whether a fold's model is fitted on all its training shoppers, once a fit without another
        fold has told how many rounds suit that one. Worth its time only where every shopper counts;
        otherwise `validation_share` of the training shoppers decide when to stop.

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
        int64 [n]: the fold that holds the row's shopper out; -1 if none does.
    is_judged
        bool [n]: whether the row is of the window that is judged, by the rows of shoppers that a
        fold holds out.

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
        float64 [judged rows of a fold]: out-of-fold probabilities.
    older_probability
        float64 [rows of other windows]: theirs; NaN if they were not asked for, or no fold holds
        the shopper out.
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

    How many rounds a fold's model has is decided without its held-out shoppers (FitParameters).
    Rows of other windows train with their shopper and never when the shopper is held out. The model
    of all rows will mostly score shoppers whose older rows it was fitted on, which bears more
    rounds: if there are older rows, it stops by the judged rows of half the shoppers, whose older
    rows train, and is fitted again on everything. Otherwise it has the median rounds of the folds.

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
    models, final = _fit_models(examples, names, parameters, run, with_final=with_final)
    give_memory_back()  # that of the bins
    fold_models = [lgb.Booster(model_str=text) for text in models]
    probability = np.full(len(examples.label), np.nan)
    for held_out, booster in enumerate(fold_models):
        rows = (examples.is_judged | with_older) & (examples.fold == held_out)
        probability[rows] = predict(booster, examples.features.where(rows), names)
    return Fitted(
        features=names,
        final=lgb.Booster(model_str=final) if final else None,
        fold_models=fold_models,
        fold_rounds=[booster.num_trees() for booster in fold_models],
        probability=probability[examples.is_judged & (examples.fold >= 0)],
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
    reached: Reached | None = None,
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
    reached
        Told how many there are so far.

    """
    # all rows need no copy of the bins
    part = data if rows.all() else subset(data, rows)
    callbacks = [after_each_round(reached)] if reached else None
    return lgb.train(parameters.lightgbm, part, rounds, callbacks=callbacks)


def read_booster(path: Path) -> lgb.Booster:
    """Read a model of a run; raises as `read_model`."""
    return lgb.Booster(model_str=read_model(path))


def read_model(path: Path) -> str:
    """
    Read a model of a run as LightGBM writes it.

    Raises
    ------
    click.ClickException
        If the file is missing or damaged, or not what the run recorded.

    """
    check_hash(path)
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
    run: Callable[..., dict[str, str]],
    *,
    with_final: bool,
) -> tuple[list[str], str | None]:
    """Bin the examples and fit one model for each fold, and the one of all rows if asked for."""
    folds = int(examples.fold.max()) + 1
    data = dataset(examples, names, parameters)
    fits: dict[str, Make] = {}
    has_older_rows = not examples.is_judged.all()
    if with_final and has_older_rows:
        # first, because it takes longest
        fits[_FINAL] = partial(_fit_all, data, examples, parameters)
    if parameters.refits:
        pairs = _pairs(folds)
        for pair in pairs:
            name = f"rounds of folds {pair[0] + 1} and {pair[1] + 1}"
            fits[name] = partial(_find_rounds, data, examples, pair, parameters)
    else:
        for held_out in range(folds):
            name = fold_name(held_out, folds)
            fits[name] = partial(_fit_fold, data, examples, held_out, parameters)
    last = int(with_final and not has_older_rows)
    made = run(fits, later=last + parameters.refits * folds)
    final = made.pop(_FINAL, None)
    models = list(made.values())
    if parameters.refits:
        found = {k: v for text in models for k, v in json.loads(text)}
        trains = [examples.fold != held_out for held_out in range(folds)]
        models = list(
            run(
                {
                    fold_name(k, folds): partial(_fit_rows, data, rows, parameters, found[k])
                    for k, rows in enumerate(trains)
                },
                later=last,
            ).values()
        )
    if last:
        rounds = int(np.median([lgb.Booster(model_str=text).num_trees() for text in models]))
        make = partial(_fit_rows, data, examples.is_judged, parameters, rounds)
        final = run({_FINAL: make})[_FINAL]
    return models, final


def _fit_fold(
    data: lgb.Dataset,
    examples: Examples,
    held_out: int,
    parameters: FitParameters,
    reached: Reached,
) -> str:
    trains = examples.fold != held_out
    shoppers = np.unique(examples.shopper[trains & examples.is_judged])
    stops = np.isin(examples.shopper, hold_out(shoppers, parameters.validation_share))
    booster = _stopped(data, trains & ~stops, trains & stops, parameters, reached)
    return booster.model_to_string(num_iteration=booster.best_iteration)


def _pairs(folds: int) -> list[tuple[int, int]]:
    """Give each fold a partner; of an odd number the last one shares the first one's."""
    return [(fold, (fold + 1) % folds) for fold in range(0, folds, 2)]


def _find_rounds(
    data: lgb.Dataset,
    examples: Examples,
    pair: tuple[int, int],
    parameters: FitParameters,
    reached: Reached,
) -> str:
    """
    Fit without two folds, and find the rounds of each from the loss on the other one's shoppers.

    Gives (fold, rounds) of both as JSON.
    """
    booster = lgb.Booster(parameters.lightgbm, subset(data, ~np.isin(examples.fold, pair)))
    losses: dict[int, list[float]] = {judge: [] for judge in reversed(pair)}
    for judge in losses:
        booster.add_valid(subset(data, examples.fold == judge), str(judge))
    best: list[int | None] = [None, None]
    while None in best:
        booster.update()
        for of_judge, (*_, loss, _higher_is_better) in zip(
            losses.values(), booster.eval_valid(), strict=True
        ):
            of_judge.append(loss)
        best = [_best_round(of_judge, parameters) for of_judge in losses.values()]
        reached(booster.current_iteration())
    return json.dumps(list(zip(pair, best, strict=True)))


def _best_round(losses: list[float], parameters: FitParameters) -> int | None:
    """Give the round at which early stopping would end; None if it would still go on."""
    best = 0
    for at, loss in enumerate(losses):
        if loss < losses[best]:
            best = at
        if at - best >= parameters.stopping_rounds:
            return best + 1
    return best + 1 if len(losses) >= parameters.most_rounds else None


def _fit_all(
    data: lgb.Dataset, examples: Examples, parameters: FitParameters, reached: Reached
) -> str:
    judged = examples.is_judged
    shoppers = hold_out(np.unique(examples.shopper[judged]), _FINAL_VALIDATION_SHARE)
    stops = judged & np.isin(examples.shopper, shoppers)
    rounds = int(_stopped(data, ~stops, stops, parameters, reached).best_iteration)
    return _fit_rows(data, np.ones(len(stops), dtype=np.bool_), parameters, rounds, reached)


def _fit_rows(
    data: lgb.Dataset, rows: Booleans, parameters: FitParameters, rounds: int, reached: Reached
) -> str:
    return boost(data, rows, parameters, rounds, reached).model_to_string()


def _stopped(
    data: lgb.Dataset,
    trains: Booleans,
    stops: Booleans,
    parameters: FitParameters,
    reached: Reached,
) -> lgb.Booster:
    """Fit on some rows until the loss on others no longer falls."""
    return lgb.train(
        parameters.lightgbm,
        subset(data, trains),
        parameters.most_rounds,
        valid_sets=[subset(data, stops)],
        callbacks=[
            after_each_round(reached),
            lgb.early_stopping(parameters.stopping_rounds, verbose=False),
        ],
    )

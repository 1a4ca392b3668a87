"""Fits boosted trees for one context: out of fold to be judged, and once on everything."""

import time
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import polars as pl
import pyarrow as pa

from ml.arrays import Booleans, Floats
from ml.buy_again.evaluation import Evaluation
from ml.buy_again.parameters import (
    FOLDS,
    STOPPING_ROUNDS,
    VALIDATION_SHARE,
    FitParameters,
)
from ml.candidates import Candidates
from ml.contract import Context
from ml.folds import hold_out
from ml.progress import step


@dataclass(frozen=True)
class Fitted:
    """
    What fitting one context gives.

    Attributes
    ----------
    context
        When the prediction is made.
    features
        Names of the columns read, in order.
    model
        The final booster, as LightGBM writes it.
    fold_rounds
        Rounds at which each fold's fit stopped; the final model has their median.
    gain
        Total gain of each feature in the final model.
    probability
        float64 [evaluation rows]: out-of-fold probabilities.
    seconds
        Time of all fits and predictions.

    """

    context: Context
    features: list[str]
    model: str
    fold_rounds: list[int]
    gain: dict[str, float]
    probability: Floats
    seconds: float


def fit(
    candidates: Candidates,
    evaluation: Evaluation,
    context: Context,
    features: list[str],
    parameters: FitParameters,
) -> Fitted:
    """
    Fit one model per fold and one on all rows.

    In each fold some of the training shoppers decide how many rounds are fitted; then the fold's
    model is fitted with that many on all of its training shoppers. Rows of other windows train
    with their shopper and never when the shopper is held out.

    Parameters
    ----------
    candidates
        Labelled rows, n of them.
    evaluation
        Which of them the model is judged on, and the fold of each.
    context
        When the prediction is made.
    features
        Names of the columns to read.
    parameters
        How to fit.

    """
    begun = time.perf_counter()
    data = lgb.Dataset(
        candidates.features.select(features),
        label=candidates.label,
        params=parameters.lightgbm,
    ).construct()
    probability = np.full(len(candidates), np.nan)
    fold_rounds = []
    for held_out in range(FOLDS):
        with step(f"{context} model, fold {held_out + 1} of {FOLDS}"):
            trains = evaluation.fold != held_out
            shoppers = evaluation.folds.filter(pl.col("fold") != held_out)["user_id"].to_numpy()
            stops = np.isin(candidates.user_id, hold_out(shoppers, VALIDATION_SHARE))
            rounds = _rounds(data, trains & ~stops, stops & evaluation.is_evaluated, parameters)
            booster = _boost(data, trains, parameters, rounds)
            judged = evaluation.is_evaluated & ~trains
            rows = candidates.features.select(features).filter(pa.array(judged))
            probability[judged] = booster.predict(rows)
            fold_rounds.append(rounds)
    with step(f"{context} model, all rows"):
        everyone = np.ones(len(candidates), dtype=np.bool_)
        booster = _boost(data, everyone, parameters, int(np.median(fold_rounds)))
    gain = booster.feature_importance("gain")
    return Fitted(
        context=context,
        features=features,
        model=booster.model_to_string(),
        fold_rounds=fold_rounds,
        gain={name: float(value) for name, value in zip(features, gain, strict=True)},
        probability=probability[evaluation.is_evaluated],
        seconds=time.perf_counter() - begun,
    )


def _rounds(data: lgb.Dataset, trains: Booleans, stops: Booleans, parameters: FitParameters) -> int:
    booster = lgb.train(
        parameters.lightgbm,
        data.subset(_places(trains)),
        parameters.most_rounds,
        valid_sets=[data.subset(_places(stops))],
        callbacks=[lgb.early_stopping(STOPPING_ROUNDS, verbose=False)],
    )
    return int(booster.best_iteration)


def _boost(
    data: lgb.Dataset, rows: Booleans, parameters: FitParameters, rounds: int
) -> lgb.Booster:
    return lgb.train(parameters.lightgbm, data.subset(_places(rows)), rounds)


def _places(rows: Booleans) -> list[int]:
    # LightGBM also takes an array, which for millions of rows is much smaller than a list
    return np.flatnonzero(rows)  # type: ignore[return-value]

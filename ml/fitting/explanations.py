"""What a model's probabilities are made of: SHAP values of boosted trees."""

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ml.data.feature_file import Features

SAMPLE_ROWS = 2_000
"""Rows that stand for all in the means."""


def contributions(booster: lgb.Booster, rows: pa.Table) -> npt.NDArray[np.float64]:
    """
    Split each row's log odds into what each feature adds.

    SHAP values of trees (Lundberg et al., From local explanations to global understanding with
    explainable AI for trees, Nature Machine Intelligence 2020), computed by LightGBM.

    Parameters
    ----------
    booster
        A fitted model.
    rows
        n rows of its features, in order.

    Returns
    -------
    float64 [n, features]
        In log odds; with the model's mean they sum to the row's own log odds.

    """
    if not rows.num_rows:
        return np.empty((0, rows.num_columns))
    values = np.asarray(booster.predict(rows, pred_contrib=True)).reshape(rows.num_rows, -1)
    return values[:, :-1]


def mean_contributions(
    booster: lgb.Booster, features: Features, names: list[str]
) -> dict[str, float]:
    """
    Average the size of each feature's contribution over rows spread evenly over all.

    Parameters
    ----------
    booster
        A fitted model.
    features
        Rows, at least one.
    names
        The model's features, in order.

    Returns
    -------
    dict
        Mean absolute SHAP value, in log odds, by feature.

    """
    rows = features.spread(SAMPLE_ROWS).table(names)
    means = np.abs(contributions(booster, rows)).mean(axis=0)
    return {name: float(value) for name, value in zip(names, means, strict=True)}

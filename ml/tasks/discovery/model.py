"""The re-ranker: boosted trees over the candidates, out of fold and on everything."""

from dataclasses import dataclass
from pathlib import Path

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import polars as pl

from ml.data.arrays import Floats, Integers
from ml.data.reading import DataFolder
from ml.fitting.fits import fit_without_each_fold
from ml.runs.fold_models import FoldModels, read_fold_models
from ml.runs.run import scan_run_table
from ml.tasks.discovery import NAME, parameters
from ml.tasks.discovery.candidates import DIRECTIONS, FEATURES, WindowCandidates
from ml.tools.progress import say

_SCORES = "scores.parquet"


@dataclass(frozen=True)
class Examples:
    """
    Candidates with labels, n of them.

    Attributes
    ----------
    features
        float32 [n, features].
    label
        float32 [n]: 1 if the target order holds the product.
    keys
        user_id and product_id of each.

    """

    features: npt.NDArray[np.float32]
    label: npt.NDArray[np.float32]
    keys: pl.DataFrame


@dataclass(frozen=True)
class Learnt:
    """
    What next-in-cart takes of discovery.

    Attributes
    ----------
    models
        The models, and the fold of every shopper that was learnt from.
    scores
        For each window that was learnt from, the judged one first: user_id, product_id and
        out-of-fold score of its labelled candidates.

    """

    models: FoldModels
    scores: dict[int, pl.DataFrame]

    @property
    def window(self) -> int:
        """The orders_back that is judged."""
        return next(iter(self.scores))


def labelled_candidates(data: DataFolder, window: WindowCandidates) -> pl.DataFrame:
    """Give the candidates of the sampled shoppers whose target order is known, with `label`."""
    targets = data.sampled_targets().filter(pl.col("orders_back") == window.orders_back)
    bought = (
        data.baskets()
        .join(targets.lazy(), on=["user_id", "order_number"], how="semi")
        .select("user_id", "product_id", label=pl.lit(1.0, pl.Float32))
        .collect()
    )
    frames = [
        chunk.frame.join(
            bought, on=["user_id", "product_id"], how="left", maintain_order="left"
        ).with_columns(pl.col("label").fill_null(0.0))
        for chunk in window.chunks(targets["user_id"].to_numpy())
    ]
    return pl.concat(frames)


def examples_of(frame: pl.DataFrame) -> Examples:
    """Take out of labelled candidates what a fit needs."""
    return Examples(
        frame.select(FEATURES).to_numpy(),
        frame["label"].to_numpy(),
        frame.select("user_id", "product_id"),
    )


def order_weights(examples: Examples) -> Floats:
    """
    Weigh each candidate by 1 / sqrt(candidates that its order held), or by 1 if it held none.

    A share of an order's new products is measured (recall), so that each of them counts the less
    the more there are. Without weights the orders of many new products outvote the others; 1 / n
    would learn as much from an order of one as from an order of twenty (DECISIONS.md). What is
    learnt from weighted candidates are scores, not chances: they lie a quarter below.

    Parameters
    ----------
    examples
        The candidates of one window, n of them: one order for each shopper.

    Returns
    -------
    float64 [n]
        Above 0, at most 1.

    """
    _users, order = np.unique(examples.keys["user_id"].to_numpy(), return_inverse=True)
    new = np.bincount(order, weights=examples.label)
    return np.asarray(1 / np.sqrt(np.maximum(new, 1))[order])


def fit_folds(examples: list[Examples], users: Integers, folds: Integers) -> FoldModels:
    """
    Fit a model without each fold's shoppers, and one with everybody.

    All candidates that were bought are learnt from, and NEGATIVE_SHARE of the others, weighted by
    `order_weights`. No chance falls with what speaks for a product (DIRECTIONS).

    Parameters
    ----------
    examples
        Those of each window; all of a shopper's windows are in the same fold.
    users
        int64 [m], rising: every shopper of the examples.
    folds
        int64 [m]: the fold of each.

    """
    features = np.vstack([one.features for one in examples])
    label = np.concatenate([one.label for one in examples])
    user_id = np.concatenate([one.keys["user_id"].to_numpy() for one in examples])
    fold = folds[np.searchsorted(users, user_id)]
    weight = np.concatenate([order_weights(one) for one in examples])
    # those left out count through the others
    weight[label == 0] /= parameters.NEGATIVE_SHARE
    is_large = len(label) >= parameters.LARGE_DATA_ROWS
    rounds = parameters.ROUNDS_LARGE if is_large else parameters.ROUNDS_SMALL
    rate = parameters.LEARNING_RATE_LARGE if is_large else parameters.LEARNING_RATE_SMALL
    fit_parameters = parameters.LIGHTGBM | {
        "learning_rate": rate,
        "monotone_constraints": [DIRECTIONS.get(name, 0) for name in FEATURES],
    }
    drawn = np.random.default_rng(parameters.SEED).random(len(label)) < parameters.NEGATIVE_SHARE
    learnt = (label > 0) | drawn
    features, label = features[learnt], label[learnt]
    fold, weight = fold[learnt], weight[learnt]
    if len(np.unique(fold)) < 2:  # noqa: PLR2004 - to learn from in one while the other is left out
        say("discovery model: too few candidates to learn from, so that it ranks nothing")
        # a row in every fold that was not bought
        features = np.zeros((parameters.FOLDS, len(FEATURES)), dtype=np.float32)
        label = np.zeros(parameters.FOLDS, dtype=np.float32)
        fold = np.arange(parameters.FOLDS)
        weight = np.ones(parameters.FOLDS)
    data = lgb.Dataset(
        features,
        label=label,
        weight=weight,
        params=fit_parameters,
        feature_name=list(FEATURES),
    ).construct()
    fold_models, model = fit_without_each_fold(
        "discovery model",
        data,
        fold,
        folds=parameters.FOLDS,
        parameters=fit_parameters,
        rounds=rounds,
    )
    return FoldModels(users, folds, fold_models, model)


def score(user_id: Integers, features: npt.NDArray[np.float32], models: FoldModels) -> Floats:
    """
    Score candidates, each shopper's by a model that was not fitted on the shopper.

    Parameters
    ----------
    user_id
        int64 [n].
    features
        float32 [n, features].
    models
        The re-rankers.

    Returns
    -------
    float64 [n]

    """
    scores = np.empty(len(user_id))
    for rows, booster in models.unseen(user_id):
        scores[rows] = np.asarray(booster.predict(features[rows]))
    return scores


def write_scores(folder: Path, scores: dict[int, pl.DataFrame]) -> None:
    """Write the out-of-fold scores of each window, the judged one first, into a run."""
    frames = [
        frame.select(
            "user_id",
            "product_id",
            "score",
            orders_back=pl.lit(orders_back, pl.Int64),
        )
        for orders_back, frame in scores.items()
    ]
    pl.concat(frames).write_parquet(folder / _SCORES)


def read_learnt(folder: Path) -> Learnt:
    """
    Read the models and the scores of a run of discovery.

    Raises
    ------
    click.ClickException
        If a file is missing or damaged.

    """
    scores = scan_run_table(folder / _SCORES).collect()
    windows = scores.partition_by("orders_back", maintain_order=True, include_key=False)
    numbers = scores["orders_back"].unique(maintain_order=True).to_list()
    return Learnt(read_fold_models(folder, NAME), dict(zip(numbers, windows, strict=True)))

"""From scores to probabilities by isotonic regression, and whether a model needs it."""

from dataclasses import dataclass

import numpy as np
from sklearn.isotonic import IsotonicRegression

from ml.data.arrays import Floats, Integers

CALIBRATED_RANGE = (0.001, 0.999)
"""Bounds of a calibrated probability: few rows never prove that something is sure."""


@dataclass(frozen=True)
class IsotonicMap:
    """Scores and the probabilities that they stand for, rising; between them straight lines."""

    scores: list[float]
    probabilities: list[float]

    def apply(self, score: Floats) -> Floats:
        """Give the probability of each score, inside CALIBRATED_RANGE."""
        return np.clip(np.interp(score, self.scores, self.probabilities), *CALIBRATED_RANGE)


def fit_isotonic(score: Floats, label: Floats) -> IsotonicMap:
    """
    Fit the rising step function with the least squared error to labels.

    Zadrozny and Elkan, Transforming classifier scores into accurate multiclass probability
    estimates (KDD 2002), section 3.

    Parameters
    ----------
    score, label
        float64 [n], n at least 1; label is 1 or 0.

    """
    # by rank, because scikit-learn takes scores that lie within 1e-15 for one
    levels, rank = np.unique(score, return_inverse=True)
    fitted = IsotonicRegression().fit(rank, label)
    # the ends of each step say all of it
    ends = fitted.X_thresholds_.astype(np.int64)
    return IsotonicMap(levels[ends].tolist(), fitted.y_thresholds_.tolist())


def calibrate(score: Floats, label: Floats, fold: Integers) -> Floats:
    """
    Turn scores into probabilities by isotonic regression, fitted on the other folds.

    Parameters
    ----------
    score, label
        float64 [n].
    fold
        int64 [n]: the fold that holds the row's shopper out.

    Returns
    -------
    float64 [n]
        Probabilities, rising with the score within a fold, inside CALIBRATED_RANGE.

    """
    probability = np.empty(len(score))
    for held_out in np.unique(fold):
        trains = fold != held_out
        fitted = fit_isotonic(score[trains], label[trains])
        probability[~trains] = fitted.apply(score[~trains])
    return probability


def logloss_differences(label: Floats, before: Floats, after: Floats, order: Integers) -> Floats:
    """
    Compare two predictions of the same rows in logloss, order by order.

    Parameters
    ----------
    label, before, after
        float64 [n]: what happened, and two probabilities of it.
    order
        int64 [n]: which order a row belongs to.

    Returns
    -------
    float64 [orders]
        What each order adds to the logloss of `after` minus that of `before`, scaled so that the
        mean over orders is the difference in nats per row; below 0 is better.

    """
    own = np.where(label == 1, np.log(before / after), np.log1p(-before) - np.log1p(-after))
    _, index = np.unique(order, return_inverse=True)
    per_order = np.bincount(index, weights=own).astype(np.float64)
    return per_order * np.float64(len(per_order) / len(label))

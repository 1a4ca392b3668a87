"""Measures of predictions and how sure they are."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import sklearn.metrics

from ml.data.arrays import Booleans, Floats, Integers


def order_f1(
    hits: Integers, predicted: Integers, truth: Integers, none_beside: Booleans | None = None
) -> Floats:
    """
    F1 of each order, where None is one more item.

    With S the predicted set and T the truth it is 2 |S and T| / (|S| + |T|). The truth is {None} if
    nothing was bought again. A set without products is {None}; one with products may hold None too,
    as in the Instacart competition on Kaggle, or never does, as a shop's basket.

    Parameters
    ----------
    hits, predicted, truth
        int64 [n]: products both predicted and bought again, predicted, bought again.
    none_beside
        bool [n]: whether None stands beside the predicted products; by default it never does.

    Returns
    -------
    float64 [n]

    """
    says_none = predicted == 0
    if none_beside is not None:
        says_none |= none_beside
    is_none = truth == 0
    common = hits + (says_none & is_none)
    return np.asarray(2.0 * common / (predicted + says_none + truth + is_none))


def log_loss(label: Floats, probability: Floats) -> float:
    """Mean of -log of the probability given to what happened, in nats; both float64 [n]."""
    return float(sklearn.metrics.log_loss(label, probability, labels=[0, 1]))


def auc(label: Floats, score: Floats) -> float:
    """Area under the ROC curve; both float64 [n], NaN if only one class is there."""
    if label.min() == label.max():
        return float("nan")
    return float(sklearn.metrics.roc_auc_score(label, score))


@dataclass(frozen=True)
class CalibrationBin:
    """Rows of similar probability: how many, their mean probability, the share that happened."""

    rows: int
    probability: float
    share: float


def calibration_bins(label: Floats, probability: Floats, bins: int = 20) -> list[CalibrationBin]:
    """
    Cut rows, sorted by probability, into bins of equal count (by one row at most).

    Parameters
    ----------
    label, probability
        float64 [n]; label is 1 or 0. Of equal probabilities the earlier row comes first.
    bins
        How many; fewer if there are fewer rows.

    """
    ranked = np.argsort(probability, kind="stable")
    return [
        CalibrationBin(len(rows), float(probability[rows].mean()), float(label[rows].mean()))
        for rows in np.array_split(ranked, bins)
        if len(rows)
    ]


def calibration_error(label: Floats, probability: Floats, bins: int = 20) -> float:
    """
    Measure the expected calibration error with bins of equal count; both float64 [n].

    Mean over rows of |share that happened - mean probability| of the row's bin (Guo et al., On
    Calibration of Modern Neural Networks, ICML 2017, section 2; bins of equal count as in Nixon et
    al., Measuring Calibration in Deep Learning, CVPR Workshops 2019).
    """
    found = calibration_bins(label, probability, bins)
    gap = sum(one.rows * abs(one.share - one.probability) for one in found)
    return gap / len(label)


@dataclass(frozen=True)
class Interval:
    """A mean and the ends of its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float

    @property
    def detectable(self) -> float:
        """
        The smallest true mean that would be told from 0 four times in five.

        2.8 standard errors give 80 % power at the 5 % level, two-sided: 1.96 to leave 0 outside of
        the interval, and .84 for the chance of .8 (Gelman and Hill, Data Analysis Using Regression
        and Multilevel/Hierarchical Models, 2007, section 20.2). The interval is 2 * 1.96 standard
        errors wide. In the unit of the mean, at least 0.
        """
        return 2.8 * (self.high - self.low) / (2 * 1.96)


def bootstrap(
    values: npt.NDArray[np.float64],
    resamples: int,
    seed: int,
    clusters: Integers | None = None,
) -> list[Interval]:
    """
    Percentile bootstrap of the mean of each column, with the same resamples for all columns.

    With differences of two systems on the same orders as a column this is the paired bootstrap
    (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13). Orders that are not
    independent, such as those of one shopper, are drawn together as a cluster: whole clusters are
    resampled, and nothing inside of them (Davison and Hinkley, Bootstrap Methods and their
    Application, 1997, section 3.8).

    Parameters
    ----------
    values
        float64 [orders, columns].
    resamples
        How many times as many clusters are drawn with replacement.
    seed
        Seed of the draws.
    clusters
        int64 [orders]: the cluster of each order; by default each is one of its own.

    Returns
    -------
    list of Interval
        One per column.

    """
    generator = np.random.default_rng(seed)
    sums, sizes = values, np.ones(len(values))
    if clusters is not None:
        names, index = np.unique(clusters, return_inverse=True)
        sums = np.zeros((len(names), values.shape[1]))
        np.add.at(sums, index, values)
        sizes = np.bincount(index).astype(np.float64)
    means = np.empty((resamples, values.shape[1]))
    for draw in range(resamples):
        drawn = generator.integers(len(sums), size=len(sums))
        means[draw] = sums[drawn].sum(axis=0) / sizes[drawn].sum()
    low, high = np.quantile(means, [0.025, 0.975], axis=0)
    return [
        Interval(float(mean), float(low[column]), float(high[column]))
        for column, mean in enumerate(values.mean(axis=0))
    ]

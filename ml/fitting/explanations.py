"""What a model's probabilities are made of: what each feature adds to the log odds."""

from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.sparse import csr_array

from ml.data.feature_file import Features

SAMPLE_ROWS = 2_000
"""Rows that stand for all in the means."""

ROWS_AT_ONCE = 8_192
"""Rows whose leaves are in memory at a time."""


class PathContributions:
    """
    Splits a row's log odds by the paths that it takes through the trees.

    On its way down a tree a row's prediction goes from one node's mean to the next one's, and each
    step is the split feature's (Saabas, Interpreting random forests, 2014). SHAP values average
    over the ways of other rows too, which takes far longer the more leaves a tree has.

    Parameters
    ----------
    booster
        A fitted model.

    """

    def __init__(self, booster: lgb.Booster) -> None:
        self._booster = booster
        trees = booster.dump_model()["tree_info"]
        self._first_leaf = np.cumsum([0, *(tree["num_leaves"] for tree in trees)], dtype=np.int32)
        self._of_leaf = np.zeros((self._first_leaf[-1], booster.num_feature()))
        for tree, first in zip(trees, self._first_leaf, strict=False):
            _add_steps(tree["tree_structure"], self._of_leaf[first : first + tree["num_leaves"]])

    def of_rows(self, rows: pa.Table) -> npt.NDArray[np.float64]:
        """
        Give what each feature adds, float64 [n, features].

        In log odds; with the mean of the model's first nodes, the same for every row, they sum to
        the row's own log odds.

        Parameters
        ----------
        rows
            n rows of the model's features, in order.

        """
        parts = [
            self._of_part(rows.slice(first, ROWS_AT_ONCE))
            for first in range(0, rows.num_rows, ROWS_AT_ONCE)
        ]
        return np.concatenate([np.empty((0, self._of_leaf.shape[1])), *parts])

    def _of_part(self, rows: pa.Table) -> npt.NDArray[np.float64]:
        leaves = np.asarray(self._booster.predict(rows, pred_leaf=True)).astype(np.int32)
        leaves = leaves.reshape(rows.num_rows, -1) + self._first_leaf[:-1]
        ends = np.arange(rows.num_rows + 1) * leaves.shape[1]
        reached = csr_array(
            (np.ones(leaves.size), leaves.ravel(), ends), shape=(len(leaves), len(self._of_leaf))
        )
        contributions: npt.NDArray[np.float64] = reached @ self._of_leaf
        return contributions


def _add_steps(node: dict[str, Any], of_leaf: npt.NDArray[np.float64]) -> list[int]:
    """Add the steps below a node to its leaves' rows, and give which leaves these are."""
    if "leaf_value" in node:
        return [node.get("leaf_index", 0)]  # a tree of one leaf does not number it
    below = []
    for side in ("left_child", "right_child"):
        child = node[side]
        leaves = _add_steps(child, of_leaf)
        step = child.get("leaf_value", child.get("internal_value")) - node["internal_value"]
        of_leaf[leaves, node["split_feature"]] += step
        below += leaves
    return below


def mean_contributions(
    booster: lgb.Booster, features: Features, names: list[str]
) -> dict[str, float]:
    """
    Average the size of each feature's contribution over rows spread evenly over all.

    Of SHAP values of trees (Lundberg et al., From local explanations to global understanding with
    explainable AI for trees, Nature Machine Intelligence 2020), computed by LightGBM.

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
    values = np.asarray(booster.predict(rows, pred_contrib=True)).reshape(rows.num_rows, -1)
    means = np.abs(values[:, :-1]).mean(axis=0)
    return {name: float(value) for name, value in zip(names, means, strict=True)}

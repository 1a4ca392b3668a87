"""How much the products of one order are bought together or not at all, beyond their chances."""

import numba
import numpy as np
from scipy.optimize import minimize_scalar

from ml.data.arrays import Floats, Integers
from ml.tasks.buy_again.decision import shift_nodes, shifted

MOST = 2.0
"""Largest standard deviation looked at, in log odds."""

_NODES = 15
_MOST_ORDERS = 5_000


def estimate_effect_sd(order: Integers, probability: Floats, label: Floats) -> float:
    """
    Estimate the standard deviation of the shift that one order's log odds have in common.

    Some orders repeat much of what came before and some explore, whatever the single products'
    chances. That is a random intercept per order in a logistic model whose other term is given;
    its standard deviation has the highest likelihood, the intercept integrated out by Gauss-Hermite
    quadrature (McCulloch and Searle, Generalized, Linear, and Mixed Models, 2001, chapter 8).

    Parameters
    ----------
    order
        int64 [n], non-decreasing: which order a row belongs to. Of very many orders some thousands,
        evenly spread, are looked at.
    probability
        float64 [n]: chances given to orders that the model did not learn from.
    label
        float64 [n]: 1 bought, 0 not.

    Returns
    -------
    float
        From 0 (independent) to MOST; 0 without rows.

    """
    starts = np.append(np.flatnonzero(np.diff(order, prepend=order[:1] - 1)), len(order))
    count = len(starts) - 1
    if not count:
        return 0.0
    indices = np.unique(np.linspace(0, count - 1, min(count, _MOST_ORDERS)).astype(np.int64))

    def loss(effect_sd: float) -> float:
        nodes = shift_nodes(effect_sd, _NODES)
        return -float(_log_likelihood(starts, indices, probability, label, nodes))

    found = minimize_scalar(loss, bounds=(0.0, MOST), method="bounded", options={"xatol": 0.01})
    # the bounded search never tries its ends
    return float(found.x) if found.fun < loss(0.0) else 0.0


@numba.njit(nogil=True, cache=True)
def _log_likelihood(
    starts: Integers,
    indices: Integers,
    probability: Floats,
    label: Floats,
    nodes: tuple[Floats, Floats],
) -> float:  # pragma: no cover
    shifts, weights = nodes
    total = 0.0
    for index in indices:
        own = probability[starts[index] : starts[index + 1]]
        bought = label[starts[index] : starts[index + 1]]
        given = shifted(own, shifts, weights)
        logs = np.log(weights)
        for node in range(len(weights)):
            for item in range(len(own)):
                p = given[node, item]
                chance = p if bought[item] == 1.0 else 1.0 - p
                logs[node] += np.log(max(chance, 1e-300))
        most = logs.max()
        total += most + np.log(np.exp(logs - most).sum())
    return total

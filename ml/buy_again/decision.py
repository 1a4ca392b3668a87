"""From probabilities to a basket: the one with the highest expected F1, or None."""

import numpy as np
import numpy.typing as npt

from ml.arrays import Booleans, Floats, Integers

# float64 cells of work per batch of orders: 64 MB
_CELLS = 1 << 23


def choose_baskets(order: Integers, probability: Floats) -> Booleans:
    """
    Choose for each order the products that maximise its expected F1.

    Items are taken to be independent given their probabilities, so that the best basket of k
    products is the k most probable ones (Ye, Chai, Lee and Chieu, Optimizing F-measure: A Tale of
    Two Approaches, ICML 2012, theorem 4). An empty basket is the answer None, right with the
    chance that nothing is bought again.

    Parameters
    ----------
    order
        int64 [n], non-decreasing: which order a row belongs to.
    probability
        float64 [n], calibrated chance that the row's product is bought. Among equals the earlier
        row is taken first.

    Returns
    -------
    bool [n]
        Whether the row's product is in the basket.

    """
    starts = np.flatnonzero(np.diff(order, prepend=order[:1] - 1))
    sizes = np.diff(starts, append=len(order))
    chosen = np.zeros(len(order), dtype=np.bool_)
    # orders of similar size go together, padded to the next power of two with impossible products
    widths = 1 << np.ceil(np.log2(np.maximum(sizes, 1))).astype(np.int64)
    for width in np.unique(widths):
        similar = np.flatnonzero(widths == width)
        batch = max(_CELLS // int(width * (width + 1)), 1)
        for begin in range(0, len(similar), batch):
            some = similar[begin : begin + batch]
            rows = starts[some, None] + np.arange(width)
            inside = np.arange(width) < sizes[some, None]
            padded = np.where(inside, probability[np.where(inside, rows, 0)], 0.0)
            ranking = np.argsort(-padded, axis=1, kind="stable")
            ranked = np.take_along_axis(padded, ranking, axis=1)
            count = np.argmax(expected_f1(ranked), axis=1)
            taken = np.take_along_axis(rows, ranking, axis=1)
            chosen[taken[np.arange(width) < count[:, None]]] = True
    return chosen


def expected_f1(probability: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """
    Give the expected F1 of the k most probable products, for every k, and of None.

    With M_k the number bought among the products after the k-th and J_k among the first k,
    E[F1 of k] = sum over j of P(J_k = j) * 2 j * E[1 / (k + j + M_k)]. Both factors follow from
    their neighbours in k by one step of dynamic programming: O(n^2) per order.

    Parameters
    ----------
    probability
        float64 [orders, n], each row sorted from high to low. Zeros at the end change nothing.

    Returns
    -------
    float64 [orders, n + 1]
        Column k: expected F1 of the first k products; column 0 of None.

    """
    orders, width = probability.shape
    # hits[:, k, j] = P(j of the first k are bought)
    hits = np.zeros((orders, width + 1, width + 1))
    hits[:, 0, 0] = 1.0
    for k in range(width):
        p = probability[:, k, None]
        hits[:, k + 1, : k + 1] = hits[:, k, : k + 1] * (1 - p)
        hits[:, k + 1, 1 : k + 2] += hits[:, k, : k + 1] * p
    expected = np.empty((orders, width + 1))
    expected[:, 0] = hits[:, width, 0]
    # inverse[:, t - 1] = E[1 / (t + M_k)], for k from the last product down
    inverse = np.broadcast_to(1.0 / np.arange(1, 2 * width + 1), (orders, 2 * width)).copy()
    for k in range(width, 0, -1):
        j = np.arange(1, k + 1)
        expected[:, k] = np.sum(2.0 * j * hits[:, k, 1 : k + 1] * inverse[:, k : 2 * k], axis=1)
        p = probability[:, k - 1, None]
        # only t <= 2 k - 2 is read from here on
        inverse[:, : 2 * k - 1] = p * inverse[:, 1 : 2 * k] + (1 - p) * inverse[:, : 2 * k - 1]
    return expected

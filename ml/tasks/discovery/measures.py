"""The measures of protocol Novel: what of a list of new products the next order held."""

import numpy as np
import numpy.typing as npt

MEASURES = ("P@5", "recall@10", "recall@20", "recall@80", "hit@10")


def novel_measures(
    hits: npt.NDArray[np.bool_], new_products: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """
    Measure lists of products that their shoppers had never bought.

    Parameters
    ----------
    hits
        bool [m, 80]: whether the product in this place of the shopper's list was bought; false
        beyond the end of a shorter list.
    new_products
        int64 [m]: products of the target order never bought before, at least 1.

    Returns
    -------
    float64 [m, 5]
        Columns as in MEASURES. Recall is over all new products, also those that no list can hold.

    """
    found = {k: hits[:, :k].sum(axis=1) for k in (5, 10, 20, 80)}
    return np.stack(
        [
            found[5] / 5,
            found[10] / new_products,
            found[20] / new_products,
            found[80] / new_products,
            found[10] > 0,
        ],
        axis=1,
    ).astype(np.float64)

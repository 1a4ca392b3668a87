"""A few shoppers to look at: what was recommended, why, and what they bought."""

from typing import Any

import numpy as np

from ml.arrays import Floats
from ml.buy_again.decision import choose_baskets
from ml.buy_again.evaluation import Evaluation
from ml.buy_again.parameters import EXAMPLE_PRODUCTS, EXAMPLES
from ml.buy_again.reasons import reasons
from ml.data import DataFolder


def choose_examples(
    data: DataFolder, evaluation: Evaluation, probability: Floats
) -> list[dict[str, Any]]:
    """
    Take shoppers spread evenly over the F1 of their order, from the worst to the best served.

    Parameters
    ----------
    data
        The data folder, for names and features.
    evaluation
        The evaluated orders.
    probability
        float64 [evaluated rows]: out of fold, so that no shown order was learnt from.

    Returns
    -------
    list of dict
        Per shopper: user_id, f1, earlier_orders, bought_again (how many products), and products, by
        falling probability: name, probability, reason, is_chosen, is_bought.

    """
    rows = evaluation.candidates
    chosen = choose_baskets(evaluation.order, probability)
    f1 = evaluation.f1(chosen)
    names = data.product_names()
    with_rows = np.unique(evaluation.order)
    by_f1 = with_rows[np.argsort(f1[with_rows], kind="stable")]
    places = np.linspace(0, len(by_f1) - 1, min(EXAMPLES, len(by_f1))).round().astype(np.int64)
    shoppers = []
    for order in by_f1[places]:
        target = evaluation.orders.row(int(order), named=True)
        own = np.flatnonzero(evaluation.order == order)
        top = own[np.argsort(-probability[own], kind="stable")][:EXAMPLE_PRODUCTS]
        why = reasons(rows.features.take(top))
        shoppers.append(
            {
                "user_id": target["user_id"],
                "f1": float(f1[order]),
                "earlier_orders": target["order_number"] - 1,
                "bought_again": target["reorders"],
                "products": [
                    {
                        "name": names.get(product, f"product {product}"),
                        "probability": float(probability[row]),
                        "reason": why[place],
                        "is_chosen": bool(chosen[row]),
                        "is_bought": bool(rows.label[row] == 1),
                    }
                    for place, row in enumerate(top)
                    for product in [int(rows.product_id[row])]
                ],
            }
        )
    return shoppers

"""A few shoppers to look at: what was recommended, why, and what they bought."""

from typing import Any

import numpy as np

from ml.data.reading import DataFolder
from ml.fitting.boosting import Fitted
from ml.fitting.explanations import PathContributions
from ml.tasks.buy_again.decision import decide
from ml.tasks.buy_again.judged_orders import JudgedOrders
from ml.tasks.buy_again.order_effect import estimate_effect_sd
from ml.tasks.buy_again.parameters import EXAMPLE_PRODUCTS, EXAMPLES
from ml.tasks.buy_again.reasons import reasons


def choose_examples(
    data: DataFolder, evaluation: JudgedOrders, fitted: Fitted
) -> list[dict[str, Any]]:
    """
    Take shoppers spread evenly over the F1 of their basket, from the worst to the best served.

    Parameters
    ----------
    data
        The data folder, for names and features.
    evaluation
        The evaluated orders.
    fitted
        A model with its out-of-fold probabilities: no shown order was learnt from, for the reasons
        neither.

    Returns
    -------
    list of dict
        Per shopper: user_id, f1 (of the basket for a shop), earlier_orders, bought_again (how many
        products), and products, by falling probability: name, probability, reason, is_chosen (for
        the basket), is_bought.

    """
    rows, probability = evaluation.candidates, fitted.probability
    effect_sd = estimate_effect_sd(evaluation.order, probability, rows.label)
    decided = decide(evaluation.order, probability, effect_sd=effect_sd)
    f1 = evaluation.basket_f1(decided)
    names = data.product_names()
    with_rows = np.unique(evaluation.order)
    by_f1 = with_rows[np.argsort(f1[with_rows], kind="stable")]
    indices = np.linspace(0, len(by_f1) - 1, min(EXAMPLES, len(by_f1))).round().astype(np.int64)
    of_fold = [PathContributions(booster) for booster in fitted.fold_models]
    shoppers = []
    for order in by_f1[indices]:
        target = evaluation.orders.row(int(order), named=True)
        own = np.flatnonzero(evaluation.order == order)
        top = own[np.argsort(-probability[own], kind="stable")][:EXAMPLE_PRODUCTS]
        mask = np.zeros(len(rows), dtype=np.bool_)
        mask[top] = True
        table = rows.columns().where(mask).table(fitted.features)
        contributions = of_fold[int(evaluation.row_fold[top[0]])].of_rows(table)
        why = dict(zip(np.sort(top), reasons(table, contributions), strict=True))
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
                        "reason": why[row],
                        "is_chosen": bool(decided.basket[row]),
                        "is_bought": bool(rows.label[row] == 1),
                    }
                    for row in top
                    for product in [int(rows.product_id[row])]
                ],
            }
        )
    return shoppers

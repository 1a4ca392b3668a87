"""How good the answers are by kinds of orders."""

from dataclasses import dataclass

import numpy as np

from ml.data.arrays import Floats
from ml.data.contract import Context
from ml.tasks.buy_again.judged_orders import JudgedOrders

EARLIER_ORDERS = (0, 5, 10, 20, 40)
"""Lower ends of the classes of history length, in orders."""

BOUGHT_AGAIN = (0, 1, 4, 8, 16)
"""Lower ends of the classes of basket size, in products bought again."""


@dataclass(frozen=True)
class Segment:
    """
    Mean F1, in Kaggle's form, of the orders of one class.

    Attributes
    ----------
    kind, label
        What the classes are by, and this one in words.
    orders
        How many orders.
    f1
        Of the model, by context.
    baseline_f1
        Of the best baseline.

    """

    kind: str
    label: str
    orders: int
    f1: dict[Context, float]
    baseline_f1: float


def segments(
    evaluation: JudgedOrders, f1: dict[Context, Floats], baseline_f1: Floats
) -> list[Segment]:
    """
    Average F1 over classes of history length and of basket size; empty classes are left out.

    Parameters
    ----------
    evaluation
        The m judged orders.
    f1
        float64 [m] of the model, by context.
    baseline_f1
        float64 [m].

    """
    kinds = (
        ("earlier orders", evaluation.orders["order_number"].to_numpy() - 1, EARLIER_ORDERS),
        ("products bought again", evaluation.orders["reorders"].to_numpy(), BOUGHT_AGAIN),
    )
    found = []
    for kind, amounts, ends in kinds:
        index = np.searchsorted(ends, amounts, side="right") - 1
        for number, low in enumerate(ends):
            inside = index == number
            if inside.any():
                found.append(
                    Segment(
                        kind,
                        _label(low, ends[number + 1] - 1 if number + 1 < len(ends) else None),
                        int(inside.sum()),
                        {context: float(own[inside].mean()) for context, own in f1.items()},
                        float(baseline_f1[inside].mean()),
                    )
                )
    return found


def _label(low: int, high: int | None) -> str:
    if high is None:
        return f"{low} or more"
    return f"{low}" if high == low else f"{low} to {high}"

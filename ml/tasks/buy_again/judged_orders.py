"""Which orders a model is judged on by protocol K, and both kinds of F1 of each of them."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from ml.data.arrays import Booleans, Floats, Integers
from ml.data.data_csv import Candidates
from ml.data.reading import DataFolder
from ml.fitting.boosting import Examples
from ml.fitting.folds import assign_folds, deal, fold_of
from ml.fitting.nothing_to_learn import NothingToLearn
from ml.judging.metrics import order_f1
from ml.tasks.buy_again.decision import Decided
from ml.tasks.buy_again.parameters import FOLDS


@dataclass(frozen=True)
class JudgedOrders:
    """
    Protocol K on one data folder.

    Attributes
    ----------
    window
        The smallest orders_back with enough labels: its orders are the ones judged.
    orders
        Those orders whose basket is known, m of them, sorted by user_id; also those of shoppers
        without any candidate.
    folds
        One row per shopper with labelled rows in that window or an older one: user_id, fold.
    is_evaluated
        bool [n]: whether a labelled row of data.csv is in that window.
    shopper
        int64 [n]: the number of the row's shopper (DataFolder.shopper_numbers).
    fold
        int64 [n]: the fold that holds the row's shopper out; -1 for shoppers that are only in newer
        windows.
    candidates
        The evaluated rows.
    order
        int64 [evaluated rows]: index of the row's order in `orders`.

    """

    window: int
    orders: pl.DataFrame
    folds: pl.DataFrame
    is_evaluated: Booleans
    shopper: Integers
    fold: Integers
    candidates: Candidates
    order: Integers

    def examples(self, labelled: Candidates) -> Examples:
        """
        Give what a model is fitted on: the judged rows and those of older windows.

        Newer rows, of a window with too few labels to be judged, are left out: the product
        statistics in them count the judged orders.

        Parameters
        ----------
        labelled
            The n rows that were planned for.

        """
        learnt = labelled.orders_back >= self.window
        shopper, fold, is_judged = self.shopper, self.fold, self.is_evaluated
        if not learnt.all():
            labelled, shopper = labelled.where(learnt), shopper[learnt]
            fold, is_judged = fold[learnt], is_judged[learnt]
        return Examples(
            features=labelled.columns(),
            label=labelled.label,
            shopper=shopper,
            fold=fold,
            is_judged=is_judged,
        )

    @property
    def row_fold(self) -> Integers:
        """Fold of each evaluated row, int64."""
        return self.fold[self.is_evaluated]

    def f1(self, decided: Decided) -> Floats:
        """Give each order's F1 in Kaggle's form, float64 [m], of what the evaluated rows decide."""
        none_beside = np.zeros(self.orders.height, dtype=np.bool_)
        none_beside[self.order] = decided.none_beside
        return order_f1(*self._counts(decided.submitted), none_beside)

    def basket_f1(self, decided: Decided) -> Floats:
        """Give each order's F1 of the basket for a shop, float64 [m]; parameters as in `f1`."""
        return order_f1(*self._counts(decided.basket))

    def _counts(self, chosen: Booleans) -> tuple[Integers, Integers, Integers]:
        """Count each order's products both chosen and bought again, chosen, bought again."""
        count = self.orders.height
        hits = np.bincount(self.order[chosen & (self.candidates.label == 1)], minlength=count)
        predicted = np.bincount(self.order[chosen], minlength=count)
        return hits, predicted, self.orders["reorders"].to_numpy()


def choose_judged_orders(data: DataFolder, labelled: Candidates) -> JudgedOrders:
    """
    Choose the window to judge on and deal its shoppers into folds.

    It is the newest one that has both labels, and labels of as many shoppers as there are folds.

    Parameters
    ----------
    data
        The data folder.
    labelled
        Its labelled rows.

    Raises
    ------
    NothingToLearn
        If there is no such window; said of the newest one with labels.

    """
    if not len(labelled):
        raise NothingToLearn(
            f"{data.path} has no label: there is nothing to learn from. None of the"
            f" {data.targets.height} orders to predict is known and has an order before it: build"
            " at least 2 windows if no order of the newest one is known."
        )
    windows = np.unique(labelled.orders_back).tolist()
    window = next((one for one in windows if _can_be_judged(labelled, one)), windows[0])
    is_evaluated = labelled.orders_back == window
    evaluated = labelled.where(is_evaluated)
    if evaluated.label.min() == evaluated.label.max():
        raise NothingToLearn(
            f"{data.path}: every label of orders_back {window} is {evaluated.label[0]:.0f}, in"
            f" {len(evaluated)} rows: there is nothing to learn from."
        )
    # both kinds are dealt out by themselves, so that each fold has its part of the judged
    judged = np.unique(evaluated.user_id)
    others = np.setdiff1d(labelled.user_id[labelled.orders_back > window], judged)
    folds = pl.DataFrame(
        {
            "user_id": np.concatenate([judged, others]),
            "fold": np.concatenate(
                [
                    assign_folds(data.shopper_numbers(judged), FOLDS),
                    deal(data.shopper_numbers(others), FOLDS),
                ]
            ),
        }
    ).sort("user_id")
    orders = data.targets.filter((pl.col("orders_back") == window) & pl.col("is_known"))
    return JudgedOrders(
        window=window,
        orders=orders,
        folds=folds,
        is_evaluated=is_evaluated,
        shopper=data.shopper_numbers(labelled.user_id),
        fold=fold_of(labelled.user_id, folds["user_id"].to_numpy(), folds["fold"].to_numpy()),
        candidates=evaluated,
        order=np.searchsorted(orders["user_id"].to_numpy(), evaluated.user_id),
    )


def _can_be_judged(labelled: Candidates, window: int) -> bool:
    inside = labelled.orders_back == window
    label = labelled.label[inside]
    return bool(label.min() < label.max()) and len(np.unique(labelled.user_id[inside])) >= FOLDS

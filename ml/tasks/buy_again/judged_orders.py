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
        Those orders whose basket is known and whose shopper is held out, m of them, sorted by
        user_id; also those of shoppers without any candidate.
    folds
        One row per shopper with labelled rows in that window or an older one that a fold holds out:
        user_id, fold.
    is_evaluated
        bool [n]: whether a labelled row of data.csv is of those orders.
    shopper
        int64 [n]: the number of the row's shopper (DataFolder.shopper_numbers).
    fold
        int64 [n]: the fold that holds the row's shopper out; -1 for shoppers that none holds out.
    candidates
        The evaluated rows.
    order
        int64 [evaluated rows]: index of the row's order in `orders`.
    row_part
        int64 [evaluated rows]: which of FOLDS parts of the evaluated shoppers the row is of. What
        is fitted to out-of-fold predictions, to judge it, is fitted to those of the other parts.

    """

    window: int
    orders: pl.DataFrame
    folds: pl.DataFrame
    is_evaluated: Booleans
    shopper: Integers
    fold: Integers
    candidates: Candidates
    order: Integers
    row_part: Integers

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
        shopper, fold = self.shopper, self.fold
        if not learnt.all():
            labelled, shopper, fold = labelled.where(learnt), shopper[learnt], fold[learnt]
        return Examples(
            features=labelled.columns(),
            label=labelled.label,
            shopper=shopper,
            fold=fold,
            is_judged=labelled.orders_back == self.window,
        )

    @property
    def row_fold(self) -> Integers:
        """Fold that holds the shopper of each evaluated row out, int64."""
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


def choose_judged_orders(
    data: DataFolder, labelled: Candidates, held_out: int = FOLDS
) -> JudgedOrders:
    """
    Choose the window to judge on and deal its shoppers into folds.

    It is the newest one that has both labels, and labels of as many shoppers as there are folds.

    Parameters
    ----------
    data
        The data folder.
    labelled
        Its labelled rows.
    held_out
        How many of the FOLDS are held out (`folds_held_out`).

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
    evaluated = labelled.where(labelled.orders_back == window)
    if evaluated.label.min() == evaluated.label.max():
        raise NothingToLearn(
            f"{data.path}: every label of orders_back {window} is {evaluated.label[0]:.0f}, in"
            f" {len(evaluated)} rows: there is nothing to learn from."
        )
    orders = data.targets.filter((pl.col("orders_back") == window) & pl.col("is_known"))
    numbers = data.shopper_numbers
    # each kind is dealt out by itself, so that each fold has its part of it
    judged = np.unique(evaluated.user_id)
    others = np.setdiff1d(labelled.user_id[labelled.orders_back > window], judged)
    without = np.setdiff1d(orders["user_id"].to_numpy(), judged)
    of_judged = _first_folds(judged, assign_folds(numbers(judged), FOLDS), held_out)
    of_others = _first_folds(others, deal(numbers(others), FOLDS), held_out)
    of_without = _first_folds(without, deal(numbers(without), FOLDS), held_out)
    orders = orders.join(pl.concat([of_judged, of_without]), on="user_id", how="semi").sort(
        "user_id"
    )
    folds = pl.concat([of_judged, of_others]).sort("user_id")
    fold = fold_of(labelled.user_id, folds["user_id"].to_numpy(), folds["fold"].to_numpy())
    is_evaluated = (labelled.orders_back == window) & (fold >= 0)
    evaluated = labelled.where(is_evaluated)
    shoppers, parts = of_judged["user_id"].to_numpy(), of_judged["fold"].to_numpy()
    if held_out < FOLDS:
        parts = deal(numbers(shoppers), FOLDS)
    return JudgedOrders(
        window=window,
        orders=orders,
        folds=folds,
        is_evaluated=is_evaluated,
        shopper=numbers(labelled.user_id),
        fold=fold,
        candidates=evaluated,
        order=np.searchsorted(orders["user_id"].to_numpy(), evaluated.user_id),
        row_part=fold_of(evaluated.user_id, shoppers, parts),
    )


def _first_folds(users: Integers, folds: Integers, held_out: int) -> pl.DataFrame:
    """Give user_id, fold of those in the folds that are held out."""
    return pl.DataFrame({"user_id": users, "fold": folds}).filter(pl.col("fold") < held_out)


def _can_be_judged(labelled: Candidates, window: int) -> bool:
    inside = labelled.orders_back == window
    label = labelled.label[inside]
    return bool(label.min() < label.max()) and len(np.unique(labelled.user_id[inside])) >= FOLDS

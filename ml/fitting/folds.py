"""Who is held out when: folds by shopper, from a hash of the shopper's number alone."""

import numpy as np
import numpy.typing as npt

from ml.data.arrays import Integers
from ml.fitting.nothing_to_learn import NothingToLearn


def assign_folds(numbers: Integers, folds: int) -> Integers:
    """
    Assign each shopper to a fold, the same one in every run on the same shoppers.

    The shoppers are ranked by a hash of their number and dealt out in turn, so that the sizes of
    the folds differ by one at most and have nothing to do with who came first.

    Parameters
    ----------
    numbers
        The shoppers' distinct numbers (DataFolder.shopper_numbers), int64 [n].
    folds
        Number of folds.

    Returns
    -------
    int64 [n]
        Fold of each shopper, from 0.

    Raises
    ------
    NothingToLearn
        If there are fewer shoppers than folds.

    """
    if len(numbers) < folds:
        raise NothingToLearn(
            f"only {len(numbers)} shoppers have a known order to learn from, and {folds} folds need"
            f" at least {folds}."
        )
    return deal(numbers, folds)


def deal(numbers: Integers, folds: int) -> Integers:
    """Assign shoppers to folds as `assign_folds` does, also where they are fewer than folds."""
    rank = np.argsort(np.argsort(_hash(numbers), kind="stable"))
    return (rank % folds).astype(np.int64)


def fold_of(user_id: Integers, users: Integers, folds: Integers) -> Integers:
    """
    Look up the folds of some shoppers.

    Parameters
    ----------
    user_id
        int64 [n]: the shoppers looked up.
    users, folds
        int64 [m]: the shoppers that were assigned, rising, and the fold of each.

    Returns
    -------
    int64 [n]
        -1 for a shopper that was not assigned.

    """
    if not len(users):
        return np.full(len(user_id), -1)
    index = np.minimum(np.searchsorted(users, user_id), len(users) - 1)
    return np.where(users[index] == user_id, folds[index], -1)


def hold_out(numbers: Integers, share: float) -> Integers:
    """
    Choose a share of the shoppers, by the same hash.

    Parameters
    ----------
    numbers
        Distinct numbers, int64 [n], n at least 2.
    share
        Part of them to choose, at most 1; at least one is chosen.

    Returns
    -------
    int64 [m]
        The chosen numbers.

    """
    count = max(round(len(numbers) * share), 1)
    return numbers[np.argsort(_hash(numbers), kind="stable")[:count]]


def _hash(values: Integers) -> npt.NDArray[np.uint64]:
    """Mix 64 bits: the finaliser of splitmix64 (Steele, Lea, Flood, OOPSLA 2014)."""
    mixed = values.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))

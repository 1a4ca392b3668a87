"""Folds and held-out shares of shoppers."""

import click
import numpy as np
import pytest

from ml.fitting.folds import assign_folds, fold_of, hold_out


def test_folds_have_equal_sizes_and_ignore_the_order_of_ids() -> None:
    users = np.arange(1, 104)
    folds = assign_folds(users, 5)
    assert sorted(np.bincount(folds)) == [20, 20, 21, 21, 21]
    np.testing.assert_array_equal(assign_folds(users[::-1], 5), folds[::-1])
    # neighbours in id are not dealt out in turn
    assert (np.diff(folds) % 5 == 1).mean() < 0.5


def test_the_hash_is_splitmix64() -> None:
    # first outputs of the published generator with seeds 0 and 1234567, which rank 0 above
    assert list(assign_folds(np.array([0, 1234567]), 2)) == [1, 0]


def test_fewer_users_than_folds() -> None:
    with pytest.raises(click.ClickException, match=r"only 4 shoppers .* 5 folds"):
        assign_folds(np.arange(4), 5)


def test_the_fold_of_a_shopper_who_was_not_assigned_is_minus_one() -> None:
    wanted = np.array([9, 3, 5, 4, 1])
    assert fold_of(wanted, np.array([3, 5, 8]), np.array([2, 0, 1])).tolist() == [-1, 2, 0, -1, -1]
    nobody = np.array([], dtype=np.int64)
    assert fold_of(wanted, nobody, nobody).tolist() == [-1] * 5


@pytest.mark.parametrize(("count", "expected"), [(2, 1), (4, 1), (80, 10)])
def test_held_out_share(count: int, expected: int) -> None:
    users = np.arange(count)
    chosen = hold_out(users, 0.125)
    assert len(chosen) == len(np.unique(chosen)) == expected
    assert set(chosen) < set(users)


def test_held_out_shoppers_come_from_every_fold() -> None:
    users = np.arange(1000)
    folds = assign_folds(users, 5)
    assert np.bincount(folds[hold_out(users, 0.125)]).min() > 10

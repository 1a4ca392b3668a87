"""The measures against cases worked out by hand."""

import numpy as np
import pytest
import sklearn.metrics  # type: ignore[import-untyped, unused-ignore]

from ml.judging.metrics import (
    Interval,
    auc,
    bootstrap,
    calibration_bins,
    calibration_error,
    log_loss,
    order_f1,
)


def test_f1_of_each_order_by_hand() -> None:
    hits = np.array([2, 0, 0, 0, 0, 3])
    predicted = np.array([4, 2, 0, 3, 0, 3])
    truth = np.array([3, 2, 2, 0, 0, 3])
    # precision 1/2 and recall 2/3; no hit; None for a full basket; a basket for None; None; all
    expected = [4 / 7, 0, 0, 0, 1, 1]
    np.testing.assert_allclose(order_f1(hits, predicted, truth), expected)


def test_f1_with_none_beside_products_by_hand() -> None:
    hits = np.array([2, 0, 0, 0, 3, 0])
    predicted = np.array([4, 2, 3, 0, 3, 0])
    truth = np.array([3, 2, 0, 0, 3, 2])
    # {a b c d None} for {a b e}; no hit; {a b c None} for {None}; {None}, once right, once wrong
    expected = [4 / 8, 0, 2 / 5, 1, 6 / 7, 0]
    np.testing.assert_allclose(
        order_f1(hits, predicted, truth, np.array([True, True, True, False, True, False])), expected
    )


def test_f1_equals_that_of_sets() -> None:
    random = np.random.default_rng(3)
    for _ in range(300):
        bought, chosen = random.random(4) < 0.3, random.random(4) < 0.4
        beside = bool(random.random() < 0.5)
        truth: set[object] = set(np.flatnonzero(bought)) or {None}
        said: set[object] = set(np.flatnonzero(chosen)) or {None}
        if beside:
            said.add(None)
        hits, predicted, bought_again = (
            np.array([mask.sum()]) for mask in (bought & chosen, chosen, bought)
        )
        (found,) = order_f1(hits, predicted, bought_again, np.array([beside]))
        assert found == pytest.approx(2 * len(said & truth) / (len(said) + len(truth)))


def test_log_loss_by_hand() -> None:
    label, probability = np.array([1.0, 0.0]), np.array([0.5, 0.2])
    assert log_loss(label, probability) == pytest.approx((np.log(2) - np.log(0.8)) / 2)


def test_log_loss_of_a_sure_mistake_is_finite() -> None:
    assert 30 < log_loss(np.array([1.0]), np.array([0.0])) < 40


def test_auc_counts_ties_by_half() -> None:
    label, score = np.array([1.0, 1.0, 0.0, 0.0]), np.array([0.9, 0.4, 0.4, 0.1])
    # of four pairs three are in order and one is a tie
    assert auc(label, score) == pytest.approx(3.5 / 4)


def test_auc_of_one_class_is_not_a_number() -> None:
    assert np.isnan(auc(np.ones(3), np.arange(3.0)))


def test_calibration_error_by_hand() -> None:
    label = np.array([1.0, 0.0, 1.0, 0.0])
    probability = np.array([0.9, 0.1, 0.1, 1.0])
    # bins of two rows: of .1 half happened, gap .4; of .9 and 1 half happened, gap .45
    assert calibration_error(label, probability, bins=2) == pytest.approx((0.4 + 0.45) / 2)


def test_bins_of_equal_count() -> None:
    random = np.random.default_rng(1)
    probability = random.beta(0.3, 4, 1_003)
    label = (random.random(1_003) < probability).astype(np.float64)
    bins = calibration_bins(label, probability)
    assert sorted({one.rows for one in bins}) == [50, 51]
    chances = [one.probability for one in bins]
    assert chances == sorted(chances)
    assert sum(one.rows * one.share for one in bins) == pytest.approx(label.sum())
    assert len(calibration_bins(label[:3], probability[:3])) == 3


def test_equal_to_scikit_learn() -> None:
    random = np.random.default_rng(2)
    # rounded, so that there are ties
    probability = random.beta(0.5, 4, 5_000).round(2).clip(0.01, 0.99)
    label = (random.random(5_000) < probability).astype(np.float64)
    assert log_loss(label, probability) == pytest.approx(
        sklearn.metrics.log_loss(label, probability)
    )
    assert auc(label, probability) == pytest.approx(
        sklearn.metrics.roc_auc_score(label, probability)
    )


def test_bootstrap_covers_the_mean_with_the_usual_width() -> None:
    values = np.random.default_rng(0).normal(3.0, 2.0, size=(400, 1))
    (interval,) = bootstrap(values, 2000, seed=1)
    assert interval.mean == pytest.approx(values.mean())
    # 1.96 standard errors on either side: 2 / 20 * 1.96
    assert interval.high - interval.mean == pytest.approx(0.196, rel=0.12)
    assert interval.mean - interval.low == pytest.approx(0.196, rel=0.12)


def test_bootstrap_draws_the_same_orders_for_every_column() -> None:
    values = np.random.default_rng(0).random((50, 1))
    first, second = bootstrap(np.hstack([values, values + 1]), 200, seed=1)
    assert second.low == pytest.approx(first.low + 1)
    assert second.high == pytest.approx(first.high + 1)
    assert bootstrap(values, 200, seed=1) == bootstrap(values, 200, seed=1)
    assert bootstrap(values, 200, seed=1) != bootstrap(values, 200, seed=2)


def test_clusters_are_drawn_whole() -> None:
    # two shoppers with three orders and one: a draw holds the first twice, the second twice or both
    values = np.array([[1.0], [2.0], [3.0], [10.0]])
    clusters = np.array([7, 7, 7, 4])
    (interval,) = bootstrap(values, 500, seed=1, clusters=clusters)
    assert interval == Interval(mean=4.0, low=2.0, high=10.0)
    # in every draw the mean is over orders, so that both together give 4 and not 6
    draws = [bootstrap(values, 1, seed=seed, clusters=clusters)[0].low for seed in range(30)]
    assert {round(draw, 9) for draw in draws} == {2.0, 4.0, 10.0}


def test_an_order_said_four_times_is_no_more_evidence() -> None:
    values = np.random.default_rng(0).normal(3.0, 2.0, size=(100, 1))
    (once,) = bootstrap(values, 300, seed=1)
    (repeated,) = bootstrap(np.tile(values, (4, 1)), 300, seed=1, clusters=np.tile(range(100), 4))
    assert repeated.low == pytest.approx(once.low)
    assert repeated.high == pytest.approx(once.high)


def test_detectable_difference_is_seen_four_times_in_five() -> None:
    # a standard error of 1: the interval is 1.96 on either side
    detectable = Interval(0.3, 0.3 - 1.96, 0.3 + 1.96).detectable
    assert detectable == pytest.approx(2.8)
    estimates = np.random.default_rng(4).normal(detectable, 1.0, size=100_000)
    assert (estimates - 1.96 > 0).mean() == pytest.approx(0.8, abs=0.005)

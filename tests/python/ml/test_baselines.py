"""The baselines against a history worked out by hand."""

import numpy as np
import polars as pl
import pyarrow as pa

from ml.buy_again.baselines import calibrate, history_scores
from ml.candidates import Candidates


def test_scores_read_the_orders_before_the_target_only() -> None:
    # orders 1 to 3 before the target, which is order 4 and holds product 12
    baskets = pl.LazyFrame(
        {
            "user_id": 7,
            "order_number": [1, 1, 2, 3, 3, 4, 4, 5],
            "product_id": [10, 11, 10, 10, 12, 11, 12, 11],
        }
    )
    targets = pl.DataFrame({"user_id": [7], "order_number": [4]})
    candidates = Candidates(
        np.array([7, 7, 7]), np.array([10, 11, 12]), np.zeros(3, int), np.zeros(3), pa.table({})
    )
    scores = history_scores(candidates, targets, baskets)
    assert scores["in_last_basket"].to_list() == [1, 0, 1]
    np.testing.assert_allclose(scores["frequency"], [1, 1 / 3, 1 / 3])
    np.testing.assert_allclose(scores["recency"], [0.85**2 + 0.85 + 1, 0.85**2, 1])


def test_calibrated_probabilities_rise_with_the_score_and_are_right_on_average() -> None:
    random = np.random.default_rng(3)
    score = random.random(4000)
    label = (random.random(4000) < score**2).astype(np.float64)
    fold = np.arange(4000) % 5
    probability = calibrate(score, label, fold)
    ranking = np.argsort(score[fold == 0])
    assert (np.diff(probability[fold == 0][ranking]) >= 0).all()
    assert np.abs(probability - score**2).mean() < 0.03


def test_own_labels_do_not_enter_a_calibration() -> None:
    random = np.random.default_rng(3)
    score, label = random.random(500), random.integers(0, 2, 500).astype(np.float64)
    fold = np.arange(500) % 5
    other = np.where(fold == 2, 1 - label, label)
    held_out = fold == 2
    np.testing.assert_array_equal(
        calibrate(score, label, fold)[held_out], calibrate(score, other, fold)[held_out]
    )
    assert not np.array_equal(
        calibrate(score, label, fold)[~held_out], calibrate(score, other, fold)[~held_out]
    )


def test_no_baseline_is_ever_sure() -> None:
    score = np.arange(100.0)
    probability = calibrate(score, (score > 50).astype(np.float64), np.arange(100) % 5)
    assert probability.min() == 0.001
    assert probability.max() == 0.999


def test_a_level_weighs_as_much_as_it_has_rows() -> None:
    # in the folds that train: one row of score 0 that happened, three of score 1 that did not
    score, label = np.array([0.0, 1, 1, 1, 0.5]), np.array([1.0, 0, 0, 0, 1])
    fold = np.array([1, 1, 2, 3, 0])
    assert calibrate(score, label, fold)[4] == 0.25

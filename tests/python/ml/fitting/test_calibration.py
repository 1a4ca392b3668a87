"""Isotonic calibration."""

import numpy as np
import pytest
from scipy.optimize import isotonic_regression
from sklearn.isotonic import IsotonicRegression

from ml.fitting.calibration import calibrate, fit_isotonic, logloss_differences
from ml.judging.metrics import log_loss


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


def test_the_map_gives_what_was_fitted() -> None:
    # two levels that happen in the wrong order are pooled
    score, label = np.array([0.1, 0.2, 0.2, 0.9]), np.array([1.0, 0, 0, 1])
    fitted = fit_isotonic(score, label)
    np.testing.assert_allclose(
        fitted.apply(np.array([0.0, 0.15, 0.2, 0.55, 2.0])), [1 / 3, 1 / 3, 1 / 3, 2 / 3, 0.999]
    )


def test_a_map_keeps_only_the_ends_of_its_steps_and_equals_scikit_learns() -> None:
    random = np.random.default_rng(5)
    score = random.random(20_000)
    label = (random.random(20_000) < score / 2).astype(np.float64)
    fitted = fit_isotonic(score, label)
    assert len(fitted.scores) < 400
    other = IsotonicRegression(out_of_bounds="clip").fit(score, label)
    asked = np.concatenate([score, random.uniform(-0.1, 1.1, 5_000)])
    expected = np.clip(other.predict(asked), 0.001, 0.999)
    np.testing.assert_allclose(fitted.apply(asked), expected, atol=1e-9)
    # and what SciPy makes of the labels, written by other people
    ranking = np.argsort(score)
    pooled = np.clip(isotonic_regression(label[ranking]).x, 0.001, 0.999)
    np.testing.assert_allclose(fitted.apply(score[ranking]), pooled, atol=1e-9)


def test_scores_are_told_apart_however_small_they_are() -> None:
    # the scores of published baselines rank products that nobody alike bought at all
    fitted = fit_isotonic(np.array([1e-30, 1e-20, 0.5]), np.array([0.0, 1, 1]))
    np.testing.assert_array_equal(fitted.apply(np.array([1e-30, 1e-20])), [0.001, 0.999])


def test_a_change_is_that_of_the_logloss_per_row() -> None:
    random = np.random.default_rng(4)
    order = np.repeat(np.arange(100), random.integers(1, 20, 100))
    truth = random.uniform(0.05, 0.95, len(order))
    label = (random.random(len(order)) < truth).astype(np.float64)
    flat = np.full(len(order), 0.5)
    differences = logloss_differences(label, flat, truth, order)
    assert len(differences) == 100
    assert differences.mean() == pytest.approx(log_loss(label, truth) - log_loss(label, flat))

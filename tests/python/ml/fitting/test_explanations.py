"""Contributions of features: by hand on one small tree, and their sum on many."""

import lightgbm as lgb
import numpy as np
import pyarrow as pa
import pytest

from ml.fitting.explanations import PathContributions

PARAMETERS = {
    "objective": "binary",
    "min_data_in_leaf": 1,
    "min_data_in_bin": 1,
    "min_sum_hessian_in_leaf": 0,
    "verbosity": -1,
    "seed": 1,
    "num_threads": 1,
}


def fit(
    matrix: list[list[float]], label: list[int], rounds: int, **parameters: object
) -> lgb.Booster:
    data = lgb.Dataset(np.array(matrix), np.array(label), feature_name=["a", "b"])
    return lgb.train(PARAMETERS | parameters, data, rounds)


def table(matrix: list[list[float]]) -> pa.Table:
    return pa.table({name: [row[at] for row in matrix] for at, name in enumerate("ab")})


def test_each_step_of_a_path_is_the_split_features() -> None:
    """
    A round at rate 1 from a chance of one half gives a node of mean m the value (m - 1/2) / (1/4).

    a = 0 is bought once of 4 (-1), by b never (-2) and always (+2); a = 1 three times of 4 (+1), by
    b always (+2) and half of the time (0).
    """
    rows = [[0.0, 0.0]] * 3 + [[0.0, 1.0]] + [[1.0, 0.0]] * 2 + [[1.0, 1.0]] * 2
    label = [0, 0, 0, 1, 1, 1, 1, 0]
    booster = fit(rows, label, 1, learning_rate=1.0, boost_from_average=False)
    found = PathContributions(booster).of_rows(table([[0, 0], [0, 1], [1, 0], [1, 1]]))
    assert found == pytest.approx(np.array([[-1, -1], [-1, 3], [1, 1], [1, -1]]))


def test_with_one_constant_they_sum_to_the_log_odds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ml.fitting.explanations.ROWS_AT_ONCE", 7)
    draw = np.random.default_rng(5)
    rows = draw.normal(size=(200, 2))
    label = (rows.sum(axis=1) + draw.normal(size=200) > 0).astype(int)
    booster = fit(rows.tolist(), label.tolist(), 30)
    found = PathContributions(booster).of_rows(table(rows.tolist()))
    rest = booster.predict(rows, raw_score=True) - found.sum(axis=1)
    assert np.ptp(rest) < 1e-12
    assert np.ptp(found.sum(axis=1)) > 1


def test_a_model_without_a_split_and_a_table_without_rows_add_nothing() -> None:
    flat = PathContributions(fit([[0.0, 0.0]] * 4, [0, 1, 0, 1], 2))
    assert flat.of_rows(table([[0, 0]] * 3)).tolist() == [[0, 0]] * 3
    assert flat.of_rows(table([])).shape == (0, 2)

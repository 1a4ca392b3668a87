"""Models of few shoppers: who trains them, and who says how many rounds."""

from dataclasses import replace
from pathlib import Path

import lightgbm as lgb
import numpy as np
import polars as pl
import pytest

from ml.data.feature_file import Features
from ml.fitting.boosting import Examples, dataset, fit
from ml.fitting.fits import subset
from ml.tasks.buy_again.parameters import SMALL_DATA

FOLDS = 3
NAMES = ["first", "second"]
PARAMETERS = replace(
    SMALL_DATA, lightgbm=SMALL_DATA.lightgbm | {"feature_fraction": 1.0}, stopping_rounds=15
)


def noisy_examples(folder: Path) -> Examples:
    """Invent rows of 30 shoppers, a tenth of whose labels is chance."""
    random = np.random.default_rng(8)
    shopper = np.repeat(np.arange(30), 40)
    values = random.random((len(shopper), 2))
    label = (values.sum(axis=1) + random.normal(0, 0.4, len(shopper)) > 1).astype(float)
    path = folder / "features.parquet"
    pl.DataFrame(values, schema=NAMES).write_parquet(path)
    return Examples(
        features=Features(path, NAMES),
        label=label,
        shopper=shopper,
        fold=shopper % FOLDS,
        is_judged=np.ones(len(shopper), dtype=np.bool_),
    )


def test_another_fold_tells_how_many_rounds_suit_a_fold(tmp_path: Path) -> None:
    examples = noisy_examples(tmp_path)
    fitted = fit(examples, NAMES, PARAMETERS, title="test", with_final=False)

    # by LightGBM's own loop; the third fold has no partner left and shares the first
    data = dataset(examples, NAMES, PARAMETERS)
    expected = {}
    for fold, partner in ((0, 1), (1, 0), (2, 0), (0, 2)):
        curve: dict[str, dict[str, list[float]]] = {}
        lgb.train(
            PARAMETERS.lightgbm,
            subset(data, ~np.isin(examples.fold, [fold, partner])),
            400,
            valid_sets=[subset(data, examples.fold == partner)],
            callbacks=[lgb.record_evaluation(curve)],
        )
        losses = np.array(curve["valid_0"]["binary_logloss"])
        expected[fold] = 1 + next(
            best
            for best in range(len(losses))
            if losses[best] < losses[:best].min(initial=np.inf)
            and losses[best] <= losses[best : best + 1 + PARAMETERS.stopping_rounds].min()
        )
    assert len(set(expected.values())) == FOLDS  # or a mistaken partner could not be seen
    assert fitted.fold_rounds == [expected[fold] for fold in range(FOLDS)]
    matrix = examples.features.matrix(0, NAMES)
    for held_out, rounds in enumerate(fitted.fold_rounds):
        is_out = examples.fold == held_out
        model = lgb.train(PARAMETERS.lightgbm, subset(data, ~is_out), rounds)
        chances = np.asarray(model.predict(matrix[is_out]))
        np.testing.assert_allclose(fitted.probability[is_out], chances, rtol=1e-12)


def test_time_left_is_told_after_each_fit_but_the_last(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two fits find rounds of three folds, then the folds are fitted, then the final model."""
    parameters = replace(PARAMETERS, most_rounds=3)
    fit(noisy_examples(tmp_path), NAMES, parameters, title="test")
    assert capsys.readouterr().err.count("are left") == 2 + FOLDS

"""The pre-order chances, out of fold: what another task learns from."""

import numpy as np
import polars as pl

from ml.data.arrays import Floats, Integers
from ml.data.data_csv import Candidates
from ml.fitting.boosting import Fitted
from ml.runs.fold_models import FoldModels

CHANCES = "chances.parquet"
"""The chance of every row whose shopper a fold holds out, by the model of that fold."""

FOLDS_FILE = "folds.parquet"


def fold_models_of(fitted: Fitted, users: Integers, folds: Integers) -> FoldModels:
    """Take the models out of what a fit gives, and name the shoppers, rising, of each fold."""
    return FoldModels(
        users,
        folds,
        [booster.model_to_string() for booster in fitted.fold_models],
        fitted.booster().model_to_string(),
    )


def chances_of(rows: Candidates, probability: Floats) -> pl.DataFrame:
    """Lay out user_id, orders_back, product_id and the chance, in single precision, of rows."""
    return rows.keys().with_columns(pl.Series("chance", probability.astype(np.float32)))

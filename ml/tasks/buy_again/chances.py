"""The pre-order chances of everybody learnt from, out of fold: what another task learns from."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from ml.data.arrays import Floats, Integers
from ml.data.data_csv import Candidates
from ml.fitting.boosting import Fitted, read_model
from ml.fitting.folds import fold_of
from ml.runs.run import scan_run_table
from ml.tasks.buy_again.parameters import FOLDS

CHANCES = "chances.parquet"
"""The chance of every row that was learnt from, by the model of its shopper's fold."""

FOLDS_FILE = "folds.parquet"


@dataclass(frozen=True)
class FoldModels:
    """
    The pre-order models, as LightGBM writes them.

    Attributes
    ----------
    folds
        One row per shopper that was learnt from: user_id, rising, and fold.
    fold_models
        The model of each fold, which never saw its shoppers.
    model
        The model of everybody.

    """

    folds: pl.DataFrame
    fold_models: list[str]
    model: str

    def fold_of(self, user_id: Integers) -> Integers:
        """Give the fold of each shopper, int64 [n]; -1 for those that were not learnt from."""
        return fold_of(user_id, self.folds["user_id"].to_numpy(), self.folds["fold"].to_numpy())

    def write(self, folder: Path, model: str, folds: str) -> None:
        """Write <model>.txt, <model>-fold-<k>.txt and the table of folds into a run."""
        (folder / f"{model}.txt").write_text(self.model, encoding="utf-8")
        for fold, text in enumerate(self.fold_models):
            (folder / f"{model}-fold-{fold}.txt").write_text(text, encoding="utf-8")
        self.folds.write_parquet(folder / folds)


def fold_models_of(fitted: Fitted, folds: pl.DataFrame) -> FoldModels:
    """Take the models out of what a fit gives."""
    return FoldModels(
        folds,
        [booster.model_to_string() for booster in fitted.fold_models],
        fitted.booster().model_to_string(),
    )


def read_fold_models(folder: Path, model: str, folds: str) -> FoldModels:
    """
    Read what `FoldModels.write` wrote.

    Raises
    ------
    click.ClickException
        If a file is missing or damaged.

    """
    return FoldModels(
        scan_run_table(folder / folds).collect(),
        [read_model(folder / f"{model}-fold-{fold}.txt") for fold in range(FOLDS)],
        read_model(folder / f"{model}.txt"),
    )


def chances_of(rows: Candidates, probability: Floats) -> pl.DataFrame:
    """Lay out user_id, orders_back, product_id and the chance, in single precision, of rows."""
    return pl.DataFrame(
        {
            "user_id": rows.user_id,
            "orders_back": rows.orders_back,
            "product_id": rows.product_id,
            "chance": probability.astype(np.float32),
        }
    )

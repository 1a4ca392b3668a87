"""Models that score each shopper by one that had not learnt from them, as files of a run."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import lightgbm as lgb
import numpy as np
import polars as pl

from ml.data.arrays import Booleans, Integers
from ml.fitting.boosting import read_model
from ml.fitting.folds import fold_of
from ml.runs.run import scan_run_table


@dataclass(frozen=True)
class FoldModels:
    """
    The models of the folds and that of everybody, as LightGBM writes them.

    Attributes
    ----------
    users, folds
        int64 [m]: the shoppers that a fold holds out, rising, and the fold of each.
    fold_models
        The model of each fold, which never saw its shoppers.
    model
        The model of everybody.

    """

    users: Integers
    folds: Integers
    fold_models: list[str]
    model: str

    def fold_of(self, user_id: Integers) -> Integers:
        """Give the fold of each shopper, int64 [n]; -1 for those that none holds out."""
        return fold_of(user_id, self.users, self.folds)

    def unseen(self, user_id: Integers) -> Iterator[tuple[Booleans, lgb.Booster]]:
        """
        Give each model with the rows that it scores: those of the shoppers that it holds out.

        Parameters
        ----------
        user_id
            int64 [n]: the shopper of each row.

        Yields
        ------
        bool [n], Booster
            Rows of one fold, or of the shoppers of none, whom the last model scores: no model
            learnt from them, or not every fold is held out.

        """
        fold = self.fold_of(user_id)
        for which in np.unique(fold):
            text = self.model if which < 0 else self.fold_models[which]
            yield fold == which, lgb.Booster(model_str=text)

    def write(self, folder: Path, name: str, folds_file: str | None = None) -> None:
        """Write <name>.txt, <name>-fold-<k>.txt and <name>-folds.parquet into a run."""
        (folder / f"{name}.txt").write_text(self.model, encoding="utf-8")
        for fold, text in enumerate(self.fold_models):
            (folder / f"{name}-fold-{fold}.txt").write_text(text, encoding="utf-8")
        pl.DataFrame({"user_id": self.users, "fold": self.folds}).write_parquet(
            folder / (folds_file or f"{name}-folds.parquet")
        )


def read_fold_models(folder: Path, name: str, folds_file: str | None = None) -> FoldModels:
    """
    Read what `FoldModels.write` wrote.

    Parameters
    ----------
    folder
        The run's folder.
    name, folds_file
        As they were given to `write`.

    Raises
    ------
    click.ClickException
        If a file is missing or damaged.

    """
    folds = scan_run_table(folder / (folds_file or f"{name}-folds.parquet")).collect()
    return FoldModels(
        folds["user_id"].to_numpy(),
        folds["fold"].to_numpy(),
        [
            read_model(folder / f"{name}-fold-{fold}.txt")
            for fold in range(int(folds["fold"].to_numpy().max()) + 1)
        ],
        read_model(folder / f"{name}.txt"),
    )

"""Trains both contexts and writes everything that a run is."""

import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from ml.buy_again import parameters
from ml.buy_again.evaluation import Evaluation, plan_evaluation
from ml.buy_again.examples import choose_examples
from ml.buy_again.ladder import Ladder, Prediction, climb, verdicts
from ml.buy_again.model import Fitted, fit
from ml.buy_again.model_card import write_model_card
from ml.contract import CONTEXTS, default_context, feature_names
from ml.data import DataFolder, read_data
from ml.progress import say, step
from ml.runs import environment, model_path, peak_memory_mb, write_json, write_run

TASK = "buy-again"


def train(data_path: Path, run: Path) -> Ladder:
    """
    Fit both contexts, judge them out of fold and write the run's folder.

    Parameters
    ----------
    data_path
        Path of data.csv.
    run
        Folder to make; it appears whole at the end, and `latest` beside it then points at it.

    Returns
    -------
    Ladder
        The figures that metrics.json holds.

    Raises
    ------
    click.ClickException
        If the data cannot be read or learnt from, or the folder exists.

    """
    begun = time.perf_counter()
    with write_run(run) as folder:
        with step(f"read {data_path}"):
            data = read_data(data_path, "labelled")
            evaluation = plan_evaluation(data)
        _name_empty_columns(data)
        fit_parameters = parameters.parameters_for(len(data.candidates))
        fitted = {
            context: fit(
                data.candidates,
                evaluation,
                context,
                feature_names(data.contract, context),
                fit_parameters,
            )
            for context in CONTEXTS
        }
        predictions = {
            context: Prediction(one.probability, one.seconds) for context, one in fitted.items()
        }
        ladder = climb(data, evaluation, predictions)
        for context, one in fitted.items():
            model_path(folder, context).write_text(one.model, encoding="utf-8")
        evaluation.folds.write_parquet(folder / "folds.parquet")
        _out_of_fold(evaluation, fitted).write_parquet(folder / "oof.parquet")
        context = default_context(data.contract.mode)
        write_json(
            folder / "examples.json",
            {
                "context": context,
                "shoppers": choose_examples(data, evaluation, fitted[context].probability),
            },
        )
        records = _records(data, evaluation, fitted, ladder, fit_parameters)
        records["metrics"] |= {
            "seconds": time.perf_counter() - begun,
            "peak_memory_mb": peak_memory_mb(),
        }
        for name, content in records.items():
            write_json(folder / f"{name}.json", content)
        write_model_card(folder / "model_card.md", records)
    say(f"the run is in {run}")
    return ladder


def _name_empty_columns(data: DataFolder) -> None:
    features = data.candidates.features
    for name in features.column_names:
        if features.column(name).null_count == len(data.candidates):
            say(f"column {name} has no value in any labelled row: the model learns nothing from it")


def _out_of_fold(evaluation: Evaluation, fitted: dict[Any, Fitted]) -> pl.DataFrame:
    rows = evaluation.candidates
    return pl.DataFrame(
        {
            "user_id": rows.user_id,
            "orders_back": rows.orders_back,
            "product_id": rows.product_id,
            "fold": evaluation.fold[evaluation.is_evaluated],
            "reordered": rows.label.astype("int8"),
            **{context: one.probability for context, one in fitted.items()},
        }
    )


def _records(
    data: DataFolder,
    evaluation: Evaluation,
    fitted: dict[Any, Fitted],
    ladder: Ladder,
    fit_parameters: parameters.FitParameters,
) -> dict[str, dict[str, Any]]:
    return {
        "features": {
            "task": TASK,
            "contract_hash": data.contract.hash,
            "contexts": {context: one.features for context, one in fitted.items()},
            "gain": {context: one.gain for context, one in fitted.items()},
            "descriptions": {column.name: column.description for column in data.contract.columns},
        },
        "data": {
            "sha256": data.fingerprint,
            "mode": data.contract.mode,
            "windows": data.contract.windows,
            "labelled_rows": len(data.candidates),
            "evaluation_window": evaluation.window,
            "evaluated_orders": evaluation.orders.height,
            "evaluated_rows": len(evaluation.candidates),
        },
        "parameters": {
            "folds": parameters.FOLDS,
            "validation_share": parameters.VALIDATION_SHARE,
            "stopping_rounds": parameters.STOPPING_ROUNDS,
            **asdict(fit_parameters),
            "fold_rounds": {context: one.fold_rounds for context, one in fitted.items()},
        },
        "metrics": {"ladder": asdict(ladder), "verdicts": verdicts(ladder)},
        "environment": {
            "trained_at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            **environment(),
        },
    }

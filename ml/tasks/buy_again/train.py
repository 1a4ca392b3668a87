"""Trains both contexts and writes everything that a run is."""

import shutil
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ml.data.arrays import Floats
from ml.data.contract import CONTEXTS, default_context, feature_names
from ml.data.reading import DataFolder, read_data
from ml.fitting.boosting import FitParameters, Fitted, checkpoint_name, fit
from ml.fitting.calibration import IsotonicMap, calibrate, fit_isotonic, logloss_differences
from ml.fitting.explanations import mean_contributions
from ml.fitting.memory import windows_that_fit
from ml.judging.metrics import Interval, bootstrap
from ml.runs.model_card import write_model_card
from ml.runs.run import model_path, write_json, write_records, write_run
from ml.tasks.buy_again import parameters
from ml.tasks.buy_again.entries import Prediction
from ml.tasks.buy_again.evaluation import Evaluation, plan_evaluation
from ml.tasks.buy_again.examples import choose_examples
from ml.tasks.buy_again.ladder import Ladder, climb, verdicts
from ml.tasks.buy_again.order_effect import estimate_effect_sd
from ml.tools.progress import say, step

TASK = "buy-again"


def train(
    data_path: Path, run: Path, *, fit_parameters: FitParameters | None = None, memory: int
) -> Ladder:
    """
    Fit both contexts, judge them out of fold and write the run's folder.

    Fits that an interrupted call with the same data and parameters had finished are taken from the
    hidden folder beside the run where they wait.

    Parameters
    ----------
    data_path
        Path of data.csv.
    run
        Folder to make; it appears whole at the end, and `latest` beside it then points at it.
    fit_parameters
        How to fit; None takes those that suit the size of the data.
    memory
        Bytes that the process may hold: of more windows than fit, the oldest are left out.

    Returns
    -------
    Ladder
        The figures that metrics.json holds.

    Raises
    ------
    click.ClickException
        If the data cannot be read or learnt from, the newest window does not fit into memory, or
        the folder exists.

    """
    begun = time.perf_counter()
    with write_run(run) as folder, tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        with step(f"read {data_path}"):
            data = read_data(data_path, "labelled", Path(scratch))
            plan_evaluation(data)
        _name_empty_columns(data)
        data = windows_that_fit(data, memory)
        evaluation = plan_evaluation(data)
        fit_parameters = fit_parameters or parameters.parameters_for(len(data.candidates))
        name = checkpoint_name(TASK, data.fingerprint, len(data.candidates), fit_parameters)
        checkpoints = run.parent / name
        examples = evaluation.examples(data.candidates)
        fitted = {
            context: fit(
                examples,
                feature_names(data.contract, context),
                fit_parameters,
                title=f"{context} model",
                checkpoints=checkpoints,
            )
            for context in CONTEXTS
        }
        seed = fit(
            examples,
            _seed_features(data),
            replace(
                fit_parameters,
                lightgbm=fit_parameters.lightgbm
                | {"feature_fraction": parameters.SEED_FEATURE_FRACTION},
            ),
            title="seed recipe",
            checkpoints=checkpoints,
            with_final=False,
        )
        calibrations = {context: _calibration(evaluation, one) for context, one in fitted.items()}
        fitted = {
            context: replace(one, probability=calibrations[context].probability)
            for context, one in fitted.items()
        }
        ladder = climb(
            data,
            evaluation,
            Prediction(seed.probability, seed.seconds),
            {context: Prediction(one.probability, one.seconds) for context, one in fitted.items()},
        )
        for context, one in fitted.items():
            text = one.booster().model_to_string()
            model_path(folder, context).write_text(text, encoding="utf-8")
        evaluation.folds.write_parquet(folder / "folds.parquet")
        _out_of_fold(evaluation, fitted, seed).write_parquet(folder / "oof.parquet")
        context = default_context(data.contract.mode)
        with step("explanations"):
            write_json(
                folder / "examples.json",
                {
                    "context": context,
                    "shoppers": choose_examples(data, evaluation, fitted[context]),
                },
            )
            records = _records(data, evaluation, fitted, ladder, fit_parameters)
        records["parameters"]["isotonic"] = {
            context: one.isotonic and asdict(one.isotonic) for context, one in calibrations.items()
        }
        records["metrics"] |= {
            "isotonic_logloss_change": {
                context: asdict(one.change) for context, one in calibrations.items()
            },
        }
        write_records(folder, records, begun)
        write_model_card(folder, Path(__file__).parent, records)
    shutil.rmtree(checkpoints)
    say(f"the run is in {run}")
    return ladder


@dataclass(frozen=True)
class _Calibration:
    """What isotonic recalibration changes, and what comes of it: None if it does not help."""

    change: Interval
    isotonic: IsotonicMap | None
    probability: Floats


def _calibration(evaluation: Evaluation, fitted: Fitted) -> _Calibration:
    """Recalibrate only where the other folds' shoppers say that it lowers the logloss."""
    label, given = evaluation.candidates.label, fitted.probability
    after = calibrate(given, label, evaluation.row_fold)
    differences = logloss_differences(label, given, after, evaluation.order)
    (change,) = bootstrap(differences[:, None], parameters.RESAMPLES, parameters.SEED)
    if change.high < 0:
        return _Calibration(change, fit_isotonic(given, label), after)
    return _Calibration(change, None, given)


def _seed_features(data: DataFolder) -> list[str]:
    there = feature_names(data.contract, "order-start")
    return [name for name in parameters.SEED_FEATURES if name in there]


def _name_empty_columns(data: DataFolder) -> None:
    for name in data.candidates.columns().without_value():
        say(f"column {name} has no value in any labelled row: the model learns nothing from it")


def _out_of_fold(evaluation: Evaluation, fitted: dict[Any, Fitted], seed: Fitted) -> pl.DataFrame:
    rows = evaluation.candidates
    return pl.DataFrame(
        {
            "user_id": rows.user_id,
            "orders_back": rows.orders_back,
            "product_id": rows.product_id,
            "fold": evaluation.row_fold,
            "reordered": rows.label.astype("int8"),
            **{context: one.probability for context, one in fitted.items()},
            "seed-recipe": seed.probability,
        }
    )


def _records(
    data: DataFolder,
    evaluation: Evaluation,
    fitted: dict[Any, Fitted],
    ladder: Ladder,
    fit_parameters: FitParameters,
) -> dict[str, dict[str, Any]]:
    rows = evaluation.candidates
    windows = np.unique(data.candidates.orders_back)
    windows = windows[windows >= evaluation.window]
    return {
        "features": {
            "task": TASK,
            "contract_hash": data.contract.hash,
            "contexts": {context: one.features for context, one in fitted.items()},
            "gain": {context: one.gain() for context, one in fitted.items()},
            "shap": {
                context: mean_contributions(one.booster(), rows.columns(), one.features)
                for context, one in fitted.items()
            },
            "descriptions": {column.name: column.description for column in data.contract.columns},
        },
        "data": {
            "sha256": data.fingerprint,
            "mode": data.contract.mode,
            "windows": data.contract.windows,
            "windows_used": [int(window) for window in windows],
            "labelled_rows": len(data.candidates),
            "evaluation_window": evaluation.window,
            "evaluated_orders": evaluation.orders.height,
            "evaluated_rows": len(rows),
        },
        "parameters": {
            "folds": parameters.FOLDS,
            **asdict(fit_parameters),
            "fold_rounds": {context: one.fold_rounds for context, one in fitted.items()},
            "rounds": {context: one.booster().num_trees() for context, one in fitted.items()},
            "effect_sd": {
                context: estimate_effect_sd(evaluation.order, one.probability, rows.label)
                for context, one in fitted.items()
            },
        },
        "metrics": {"ladder": asdict(ladder), "verdicts": verdicts(ladder)},
    }

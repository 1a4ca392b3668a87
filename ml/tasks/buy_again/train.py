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
from ml.data.contract import CONTEXTS, Context, Contract, default_context, feature_names
from ml.data.data_csv import Candidates
from ml.data.reading import open_data
from ml.fitting.boosting import FitParameters, Fitted, checkpoint_name, fit
from ml.fitting.calibration import IsotonicMap, calibrate, fit_isotonic, logloss_differences
from ml.fitting.explanations import mean_contributions
from ml.fitting.memory import windows_that_fit
from ml.judging.ladder import Ladder
from ml.judging.metrics import Interval, bootstrap
from ml.runs.model_card import write_model_card
from ml.runs.run import (
    CATEGORIES,
    EXAMPLES,
    OUT_OF_FOLD,
    model_path,
    write_json,
    write_records,
    write_run,
)
from ml.tasks.buy_again import NAME, READS
from ml.tasks.buy_again.chances import CHANCES, FOLDS_FILE, chances_of, fold_models_of
from ml.tasks.buy_again.examples import choose_examples
from ml.tasks.buy_again.gate import gate_figures
from ml.tasks.buy_again.judged_orders import JudgedOrders, choose_judged_orders
from ml.tasks.buy_again.ladder import Evaluated, evaluate_predictors
from ml.tasks.buy_again.order_effect import estimate_effect_sd
from ml.tasks.buy_again.parameters import (
    FOLDS,
    ORIGINAL_FEATURE_FRACTION,
    ORIGINAL_FEATURES,
    RESAMPLES,
    SEED,
    folds_held_out,
    parameters_for,
)
from ml.tasks.buy_again.predictors import ORIGINAL_RECIPE, OutOfFold
from ml.tools.progress import say, step

ORIGINAL_COLUMN = "original-recipe"
"""Its column among the out-of-fold predictions."""


def train(
    data_path: Path, run: Path, *, parameters: FitParameters | None = None, memory: int
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
    parameters
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
        data = open_data(data_path)
        with step(f"read {data_path}"):
            labelled = data.candidates("labelled", Path(scratch))
            fingerprint = data.fingerprint(READS)
            choose_judged_orders(data, labelled)
        _name_empty_columns(labelled)
        labelled = windows_that_fit(
            labelled, len(feature_names(data.contract, "order-start")), memory
        )
        held_out = folds_held_out(len(labelled))
        evaluation = choose_judged_orders(data, labelled, held_out)
        parameters = parameters or parameters_for(len(labelled))
        checkpoints = run.parent / checkpoint_name(NAME, fingerprint, len(labelled), parameters)
        examples = evaluation.examples(labelled)
        fitted = {
            context: fit(
                examples,
                feature_names(data.contract, context),
                parameters,
                title=f"{context} model",
                checkpoints=checkpoints,
                with_older=context == "pre-order",
            )
            for context in CONTEXTS
        }
        original = fit(
            examples,
            _original_features(data.contract),
            replace(
                parameters,
                lightgbm=parameters.lightgbm | {"feature_fraction": ORIGINAL_FEATURE_FRACTION},
            ),
            title=ORIGINAL_RECIPE,
            checkpoints=checkpoints,
            with_final=False,
        )
        pre_order = fitted["pre-order"]
        _chances(evaluation, labelled, pre_order).write_parquet(folder / CHANCES)
        calibrations = {context: _calibration(evaluation, one) for context, one in fitted.items()}
        fitted = {
            context: replace(one, probability=calibrations[context].probability)
            for context, one in fitted.items()
        }
        evaluated = evaluate_predictors(
            data,
            evaluation,
            OutOfFold(original.probability, original.seconds),
            {context: OutOfFold(one.probability, one.seconds) for context, one in fitted.items()},
        )
        text = fitted["order-start"].booster().model_to_string()
        model_path(folder, "order-start").write_text(text, encoding="utf-8")
        folds = evaluation.folds
        fold_models_of(pre_order, folds["user_id"].to_numpy(), folds["fold"].to_numpy()).write(
            folder, model_path(folder, "pre-order").stem, FOLDS_FILE
        )
        write_json(folder / CATEGORIES, labelled.categories)
        _out_of_fold(evaluation, fitted, original).write_parquet(folder / OUT_OF_FOLD)
        context = default_context(data.contract.mode)
        with step("explanations"):
            shoppers = choose_examples(data, evaluation, fitted[context])
            write_json(folder / EXAMPLES, {"context": context, "shoppers": shoppers})
            records = _records(data.contract, evaluation, fitted, evaluated, parameters)
        windows = np.unique(labelled.orders_back)
        records["data"] |= {
            "fingerprint": fingerprint,
            "known_orders": data.known_orders(),
            "windows_used": windows[windows >= evaluation.window].tolist(),
            "labelled_rows": len(labelled),
        }
        records["parameters"]["isotonic"] = {
            context: one.isotonic and asdict(one.isotonic) for context, one in calibrations.items()
        }
        records["metrics"] |= {
            "isotonic_logloss_change": {
                context: asdict(one.change) for context, one in calibrations.items()
            },
            "fit_seconds": {context: one.seconds for context, one in fitted.items()}
            | {ORIGINAL_COLUMN: original.seconds},
        }
        write_records(folder, records, begun)
        write_model_card(folder, Path(__file__).parent, records)
    shutil.rmtree(checkpoints)
    say(f"the run is in {run}")
    return evaluated.ladder


@dataclass(frozen=True)
class _Calibration:
    """What isotonic recalibration changes, and what comes of it: None if it does not help."""

    change: Interval
    isotonic: IsotonicMap | None
    probability: Floats


def _calibration(evaluation: JudgedOrders, fitted: Fitted) -> _Calibration:
    """Recalibrate only where other shoppers say that it lowers the logloss."""
    label, given = evaluation.candidates.label, fitted.probability
    after = calibrate(given, label, evaluation.row_part)
    differences = logloss_differences(label, given, after, evaluation.order)
    (change,) = bootstrap(differences[:, None], RESAMPLES, SEED)
    if change.high < 0:
        return _Calibration(change, fit_isotonic(given, label), after)
    return _Calibration(change, None, given)


def _chances(evaluation: JudgedOrders, labelled: Candidates, fitted: Fitted) -> pl.DataFrame:
    """Lay out what the pre-order models say of every row of a shopper that a fold holds out."""
    older = labelled.where(labelled.orders_back > evaluation.window)
    judged = chances_of(evaluation.candidates, fitted.probability)
    both = pl.concat([judged, chances_of(older, fitted.older_probability)])
    return both.filter(pl.col("chance").is_not_nan())


def _original_features(contract: Contract) -> list[str]:
    there = feature_names(contract, "order-start")
    return [name for name in ORIGINAL_FEATURES if name in there]


def _name_empty_columns(labelled: Candidates) -> None:
    for name in labelled.columns().without_value():
        say(f"column {name} has no value in any labelled row: the model learns nothing from it")


def _out_of_fold(
    evaluation: JudgedOrders, fitted: dict[Context, Fitted], original: Fitted
) -> pl.DataFrame:
    rows = evaluation.candidates
    return rows.keys().with_columns(
        pl.Series("fold", evaluation.row_fold),
        pl.Series("reordered", rows.label.astype("int8")),
        *(pl.Series(context, one.probability) for context, one in fitted.items()),
        pl.Series(ORIGINAL_COLUMN, original.probability),
    )


def _records(
    contract: Contract,
    evaluation: JudgedOrders,
    fitted: dict[Context, Fitted],
    evaluated: Evaluated,
    parameters: FitParameters,
) -> dict[str, dict[str, Any]]:
    rows = evaluation.candidates
    return {
        "features": {
            "task": NAME,
            "contract_hash": contract.hash,
            "contexts": {context: one.features for context, one in fitted.items()},
            "gain": {context: one.gain() for context, one in fitted.items()},
            "shap": {
                context: mean_contributions(one.booster(), rows.columns(), one.features)
                for context, one in fitted.items()
            },
            "descriptions": {column.name: column.description for column in contract.columns},
        },
        "data": {
            "mode": contract.mode,
            "windows": contract.windows,
            "evaluation_window": evaluation.window,
            "evaluated_orders": evaluation.orders.height,
            "evaluated_rows": len(rows),
        },
        "parameters": {
            "folds": FOLDS,
            "folds_held_out": len(fitted["pre-order"].fold_models),
            **asdict(parameters),
            "fold_rounds": {context: one.fold_rounds for context, one in fitted.items()},
            "rounds": {context: one.booster().num_trees() for context, one in fitted.items()},
            "effect_sd": {
                context: estimate_effect_sd(evaluation.order, one.probability, rows.label)
                for context, one in fitted.items()
            },
        },
        "metrics": {**asdict(evaluated), "gate": asdict(gate_figures(evaluated.ladder))},
    }

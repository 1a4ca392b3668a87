"""The ladder: every baseline and the model on the same orders, and whether the model is better."""

import time
from dataclasses import dataclass

import numpy as np

from ml.arrays import Booleans, Floats
from ml.buy_again.baselines import calibrate, history_scores
from ml.buy_again.decision import choose_baskets
from ml.buy_again.evaluation import Evaluation
from ml.buy_again.parameters import DECAY, RESAMPLES, SEED
from ml.contract import CONTEXTS, Context
from ml.data import DataFolder
from ml.metrics import Interval, auc, bootstrap, calibration_error, log_loss
from ml.progress import step

DECISION = "expected F1"
CALIBRATION = "isotonic out of fold, then expected F1"


@dataclass(frozen=True)
class Prediction:
    """Out-of-fold probabilities of a model, float64 [evaluated rows], and what they cost."""

    probability: Floats
    seconds: float


@dataclass(frozen=True)
class Rung:
    """One predictor's figures. Those of probabilities are None for one that gives none."""

    name: str
    context: Context
    decision: str
    f1: Interval
    logloss: float | None
    auc: float | None
    calibration_error: float | None
    seconds: float


@dataclass(frozen=True)
class Comparison:
    """Mean F1 of a model minus that of a baseline, on the same orders."""

    context: Context
    baseline: str
    difference: Interval
    is_better: bool


@dataclass(frozen=True)
class Ladder:
    """Protocol K on one window: its rungs from the simplest up, and the paired comparisons."""

    protocol: str
    window: int
    orders: int
    candidates: int
    resamples: int
    rungs: list[Rung]
    comparisons: list[Comparison]


@dataclass(frozen=True)
class _Entry:
    name: str
    context: Context
    decision: str
    chosen: Booleans
    probability: Floats | None
    seconds: float


def climb(
    data: DataFolder, evaluation: Evaluation, predictions: dict[Context, Prediction]
) -> Ladder:
    """
    Score the baselines and the model's out-of-fold predictions on the evaluated orders.

    The baselines know nothing of the order to come, so that their context is pre-order and they
    may stand beside both contexts of the model.

    Parameters
    ----------
    data
        The data folder, for the histories.
    evaluation
        Which orders and folds.
    predictions
        The model's, by context.

    """
    entries = _baselines(data, evaluation)
    count = len(entries)
    for context in CONTEXTS:
        with step(f"decide, {context} model"):
            begun = time.perf_counter()
            probability = predictions[context].probability
            chosen = choose_baskets(evaluation.order, probability)
            seconds = predictions[context].seconds + time.perf_counter() - begun
        entries.append(_Entry("model", context, DECISION, chosen, probability, seconds))
    with step("bootstrap"):
        f1 = np.stack([evaluation.f1(entry.chosen) for entry in entries], axis=1)
        pairs = [(model, base) for model in range(count, len(entries)) for base in range(count)]
        differences = np.stack([f1[:, model] - f1[:, base] for model, base in pairs], axis=1)
        intervals = bootstrap(np.hstack([f1, differences]), RESAMPLES, SEED)
    return Ladder(
        protocol="K",
        window=evaluation.window,
        orders=evaluation.orders.height,
        candidates=len(evaluation.candidates),
        resamples=RESAMPLES,
        rungs=[
            _rung(entry, evaluation.candidates.label, interval)
            for entry, interval in zip(entries, intervals, strict=False)
        ],
        comparisons=[
            Comparison(entries[model].context, entries[base].name, interval, interval.low > 0)
            for (model, base), interval in zip(pairs, intervals[len(entries) :], strict=True)
        ],
    )


def verdicts(ladder: Ladder) -> list[str]:
    """Say for each context whether the model beats the best baseline, and by how much."""
    baselines = {rung.name: rung.f1.mean for rung in ladder.rungs if rung.name != "model"}
    best = max(baselines, key=lambda name: baselines[name])
    return [
        f"{comparison.context}: the model is {'better' if comparison.is_better else 'not better'}"
        f" than the best baseline ({best}): mean F1 {_signed(comparison.difference)}"
        for comparison in ladder.comparisons
        if comparison.baseline == best
    ]


def _signed(interval: Interval) -> str:
    return f"{interval.mean:+.4f} [{interval.low:+.4f}, {interval.high:+.4f}]"


def _baselines(data: DataFolder, evaluation: Evaluation) -> list[_Entry]:
    with step("baselines"):
        begun = time.perf_counter()
        scores = history_scores(evaluation.candidates, evaluation.orders, data.baskets())
        shared = time.perf_counter() - begun
        last = scores["in_last_basket"].to_numpy() == 1
        entries = [_Entry("last basket", "pre-order", "all of it", last, None, shared)]
        fold = evaluation.fold[evaluation.is_evaluated]
        label = evaluation.candidates.label
        for column, name in (
            ("frequency", "personal frequency"),
            ("recency", f"recency decay {DECAY}"),
        ):
            begun = time.perf_counter()
            probability = calibrate(scores[column].to_numpy(), label, fold)
            chosen = choose_baskets(evaluation.order, probability)
            seconds = shared + time.perf_counter() - begun
            entries.append(_Entry(name, "pre-order", CALIBRATION, chosen, probability, seconds))
    return entries


def _rung(entry: _Entry, label: Floats, f1: Interval) -> Rung:
    p = entry.probability
    return Rung(
        name=entry.name,
        context=entry.context,
        decision=entry.decision,
        f1=f1,
        logloss=None if p is None else log_loss(label, p),
        auc=None if p is None else auc(label, p),
        calibration_error=None if p is None else calibration_error(label, p),
        seconds=entry.seconds,
    )

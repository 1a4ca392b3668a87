"""What each predictor says of the judged orders: two answers, a list, maybe probabilities."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ml.data.arrays import Floats, Integers
from ml.data.contract import Context
from ml.data.reading import DataFolder
from ml.fitting.calibration import calibrate
from ml.judging.ranking import NO_PRODUCT, top_columns, top_products
from ml.tasks.buy_again.baselines import history_scores
from ml.tasks.buy_again.decision import Decided, decide
from ml.tasks.buy_again.judged_orders import JudgedOrders
from ml.tasks.buy_again.order_effect import estimate_effect_sd
from ml.tasks.buy_again.parameters import DECAY, FOLDS, ORIGINAL_THRESHOLD
from ml.tasks.buy_again.published_baselines import (
    Profiles,
    popularity_profiles,
    tifu_profiles,
    tifu_scores,
    up_cf_scores,
)
from ml.tools.progress import step

ORIGINAL_RECIPE = "original recipe"
MODEL = "model"
RECENCY = f"recency decay {DECAY}"
LIST_LENGTH = 20

_CALIBRATED = "isotonic out of fold, then expected F1"

Scorer = Callable[[Profiles], Iterator[tuple[slice, Floats]]]


@dataclass(frozen=True)
class Prediction:
    """
    One predictor.

    Attributes
    ----------
    name, context
        Which; the simple rules know nothing of the order to come.
    decision
        How Kaggle's set and the basket were chosen, in words.
    decided
        Both, of the evaluated rows. They differ only where expected F1 decides.
    probability
        float64 [evaluated rows]; None if it gives none.
    top
        int64 [orders, LIST_LENGTH]: products by rank.
    seconds
        Time to fit and predict.
    is_model
        Whether it is the task's model, and no baseline.

    """

    name: str
    context: Context
    decision: str
    decided: Decided
    probability: Floats | None
    top: Integers
    seconds: float
    is_model: bool = False


@dataclass(frozen=True)
class OutOfFold:
    """Out-of-fold probabilities of a model, float64 [evaluated rows], and what they cost."""

    probability: Floats
    seconds: float


def baseline_predictions(data: DataFolder, evaluation: JudgedOrders) -> list[Prediction]:
    """Ask the rules that need no training of trees, from the simplest up."""
    predictions = []
    with step("baselines of a shopper's own history"):
        begun = time.perf_counter()
        scores = history_scores(evaluation.candidates, evaluation.orders, data.baskets())
        shared = time.perf_counter() - begun
        last = scores["in_last_basket"].to_numpy()
        frequency, recency = (scores[name].to_numpy() for name in ("frequency", "recency"))
        # what was in the last basket comes first, by frequency
        top = _list(evaluation, last * (1 + frequency))
        decided = Decided.without_none(last == 1)
        predictions.append(
            Prediction("last basket", "pre-order", "all of it", decided, None, top, shared)
        )
        for name, score in (("personal frequency", frequency), (RECENCY, recency)):
            begun = time.perf_counter() - shared
            predictions.append(
                _calibrated(name, evaluation, score, _list(evaluation, score), begun)
            )
    for name, profile, scorer in (
        ("TIFU-KNN", tifu_profiles, tifu_scores),
        ("UP-CF", popularity_profiles, up_cf_scores),
    ):
        with step(f"baseline {name}"):
            begun = time.perf_counter()
            profiles = profile(evaluation.orders, data.baskets())
            score, top = _neighbour_scores(evaluation, profiles, scorer)
            predictions.append(_calibrated(name, evaluation, score, top, begun))
    return predictions


def original_prediction(evaluation: JudgedOrders, prediction: OutOfFold) -> Prediction:
    """Decide as the original recipe did: every product above one threshold, else None."""
    return Prediction(
        ORIGINAL_RECIPE,
        "order-start",
        f"threshold {ORIGINAL_THRESHOLD}",
        Decided.without_none(prediction.probability >= ORIGINAL_THRESHOLD),
        prediction.probability,
        _list(evaluation, prediction.probability),
        prediction.seconds,
    )


def model_prediction(
    evaluation: JudgedOrders, context: Context, prediction: OutOfFold
) -> Prediction:
    """Decide by expected F1 with the order effect, estimated on the other parts' orders."""
    with step(f"decide, {context} model"):
        begun = time.perf_counter()
        probability = prediction.probability
        part = evaluation.row_part
        answers = np.zeros((3, len(probability)), dtype=np.bool_)
        for held_out in range(FOLDS):
            rows = part == held_out
            effect_sd = estimate_effect_sd(
                evaluation.order[~rows], probability[~rows], evaluation.candidates.label[~rows]
            )
            one = decide(evaluation.order[rows], probability[rows], effect_sd=effect_sd)
            answers[:, rows] = one.basket, one.submitted, one.none_beside
        top = _list(evaluation, probability)
        seconds = prediction.seconds + time.perf_counter() - begun
    decision = "expected F1 with order effect"
    return Prediction(
        MODEL, context, decision, Decided(*answers), probability, top, seconds, is_model=True
    )


def _calibrated(
    name: str, evaluation: JudgedOrders, score: Floats, top: Integers, begun: float
) -> Prediction:
    probability = calibrate(score, evaluation.candidates.label, evaluation.row_part)
    decided = decide(evaluation.order, probability)
    seconds = time.perf_counter() - begun
    return Prediction(name, "pre-order", _CALIBRATED, decided, probability, top, seconds)


def _list(evaluation: JudgedOrders, score: Floats) -> Integers:
    return top_products(
        evaluation.order,
        evaluation.candidates.product_id,
        score,
        evaluation.orders.height,
        LIST_LENGTH,
    )


def _neighbour_scores(
    evaluation: JudgedOrders, profiles: Profiles, scorer: Scorer
) -> tuple[Floats, Integers]:
    """Give the scores of the candidates, and lists that may hold new products too."""
    rows = evaluation.candidates
    score = np.zeros(len(rows))
    top = np.full((evaluation.orders.height, LIST_LENGTH), NO_PRODUCT, dtype=np.int64)
    row_user = np.searchsorted(profiles.user_id, rows.user_id)
    column = np.searchsorted(profiles.product_id, rows.product_id)
    # shoppers with a history, in the order of the profiles: all of them have an evaluated order
    index = np.searchsorted(evaluation.orders["user_id"].to_numpy(), profiles.user_id)
    for part, scores in scorer(profiles):
        own = slice(*np.searchsorted(row_user, [part.start, part.stop]))
        score[own] = scores[row_user[own] - part.start, column[own]]
        top[index[part]] = top_columns(scores, profiles.product_id, LIST_LENGTH)
    return score, top

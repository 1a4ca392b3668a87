"""The ladder of buy-again: every baseline and the model on the same orders."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.data.arrays import Floats, Integers
from ml.data.contract import Context
from ml.data.reading import DataFolder
from ml.judging.comparison import Comparison, signed
from ml.judging.ladder import Ladder, Rung
from ml.judging.metrics import (
    CalibrationBin,
    Interval,
    auc,
    bootstrap,
    calibration_bins,
    calibration_error,
    log_loss,
)
from ml.judging.ranking import NO_PRODUCT, RankingMeasures, measure_lists, whole_baskets
from ml.tasks.buy_again.judged_orders import JudgedOrders
from ml.tasks.buy_again.parameters import RESAMPLES, SEED
from ml.tasks.buy_again.predictors import (
    ORIGINAL_RECIPE,
    RECENCY,
    OutOfFold,
    Prediction,
    baseline_predictions,
    model_prediction,
    original_prediction,
)
from ml.tasks.buy_again.segments import Segment, segments
from ml.tools.progress import step

POPULAR = 100
"""How many of the products bought most often count as the popular ones."""

F1 = "F1"
"""Of sets in Kaggle's form: None may stand beside products, as one more item."""

BASKET_F1 = "basket F1"
"""Of baskets for a shop: products, or nothing."""


@dataclass(frozen=True)
class Evaluated:
    """
    What an evaluation finds.

    Attributes
    ----------
    ladder
        Every predictor's figures. Measures: mean F1 and basket F1 per order by protocol K.
        Figures: logloss, auc and calibration_error of the probabilities; the means of
        `ml.judging.ranking.RankingMeasures` by protocol NBR; coverage, the share of the shop's
        products that are in at least one list of ten; popular_share, that of the listed products,
        ten per order, that are among the POPULAR ones.
    best_baseline
        The rule, or published predictor without trees, with the highest mean F1 in Kaggle's form.
    calibration
        Bins of each model's probabilities, by context.
    segments
        F1 in Kaggle's form by kinds of orders.

    """

    ladder: Ladder
    best_baseline: str
    calibration: dict[Context, list[CalibrationBin]]
    segments: list[Segment]


def evaluate_predictors(
    data: DataFolder,
    evaluation: JudgedOrders,
    original: OutOfFold,
    models: dict[Context, OutOfFold],
) -> Evaluated:
    """
    Judge the baselines and out-of-fold predictions on the evaluated orders.

    The baselines know nothing of the order to come, so that their context is pre-order and they
    may stand beside both contexts of the model.

    Parameters
    ----------
    data
        The data folder, for the histories.
    evaluation
        Which orders and folds.
    original
        Predictions of the original recipe.
    models
        Those of the model, by context.

    """
    baselines = baseline_predictions(data, evaluation)
    own = [model_prediction(evaluation, context, one) for context, one in models.items()]
    predictions = [*baselines, original_prediction(evaluation, original), *own]
    with step("measures and bootstrap"):
        truth = whole_baskets(evaluation.orders, data.baskets())
        ranking = [measure_lists(prediction.top, truth) for prediction in predictions]
        f1 = np.stack([evaluation.f1(one.decided) for one in predictions], axis=1)
        basket_f1 = np.stack([evaluation.basket_f1(one.decided) for one in predictions], axis=1)
        best = max(range(len(baselines)), key=lambda index: float(f1[:, index].mean()))
        pairs, differences = _differences(predictions, f1, basket_f1, ranking)
        intervals = bootstrap(np.hstack([f1, basket_f1, differences]), RESAMPLES, SEED)
        popular = _most_bought(data)
    comparisons = [
        Comparison(base.name, measure, interval, prediction.context)
        for (prediction, base, measure), interval in zip(
            pairs, intervals[2 * len(predictions) :], strict=True
        )
    ]
    best_baseline = baselines[best].name
    ladder = Ladder(
        protocol="K",
        window=evaluation.window,
        judged={"orders": evaluation.orders.height, "candidates": len(evaluation.candidates)},
        figures={"truth_popular_share": float(np.isin(truth.product, popular[:POPULAR]).mean())},
        resamples=RESAMPLES,
        rungs=[
            _rung(prediction, evaluation, {F1: own, BASKET_F1: of_basket}, measures, popular)
            for prediction, own, of_basket, measures in zip(
                predictions, intervals, intervals[len(predictions) :], ranking, strict=False
            )
        ],
        comparisons=comparisons,
        verdicts=f1_verdicts(comparisons, best_baseline),
    )
    return Evaluated(
        ladder=ladder,
        best_baseline=best_baseline,
        calibration={
            prediction.context: calibration_bins(evaluation.candidates.label, probability)
            for prediction in own
            if (probability := prediction.probability) is not None
        },
        segments=segments(
            evaluation,
            {prediction.context: evaluation.f1(prediction.decided) for prediction in own},
            f1[:, best],
        ),
    )


def main_comparisons(
    comparisons: Sequence[Comparison], best_baseline: str
) -> list[tuple[Comparison, str]]:
    """Choose those of F1 (Kaggle's form) with the best baseline and the original recipe."""
    wanted = {
        best_baseline: f"the best baseline ({best_baseline})",
        ORIGINAL_RECIPE: f"the {ORIGINAL_RECIPE}",
    }
    return [
        (one, wanted[one.baseline])
        for one in comparisons
        if one.baseline in wanted and one.measure == F1
    ]


def f1_verdicts(comparisons: Sequence[Comparison], best_baseline: str) -> list[str]:
    """Say for each context whether the model beats the best baseline and the original recipe."""
    return [
        f"{one.context}: the model is {one.words} {other}: mean F1 in Kaggle's form"
        f" {signed(one.difference)}"
        for one, other in main_comparisons(comparisons, best_baseline)
    ]


def _differences(
    predictions: list[Prediction], f1: Floats, basket_f1: Floats, ranking: list[RankingMeasures]
) -> tuple[list[tuple[Prediction, Prediction, str]], Floats]:
    """Pair each model with every other predictor in F1, with two of them in more measures."""
    pairs, columns = [], []
    indices = range(len(predictions))
    for model in (index for index in indices if predictions[index].is_model):
        for base in (index for index in indices if not predictions[index].is_model):
            pairs.append((predictions[model], predictions[base], F1))
            columns.append(f1[:, model] - f1[:, base])
            if predictions[base].name in {RECENCY, ORIGINAL_RECIPE}:
                pairs.append((predictions[model], predictions[base], BASKET_F1))
                columns.append(basket_f1[:, model] - basket_f1[:, base])
            if predictions[base].name == RECENCY:
                for measure, name in (("recall@10", "recall_10"), ("NDCG@10", "ndcg_10")):
                    pairs.append((predictions[model], predictions[base], measure))
                    columns.append(getattr(ranking[model], name) - getattr(ranking[base], name))
    return pairs, np.stack(columns, axis=1)


def _most_bought(data: DataFolder) -> Integers:
    """Give every product of the shop's known orders, the most bought first."""
    counts = data.baskets().group_by("product_id").len().collect()
    return counts.sort("len", "product_id", descending=[True, False])["product_id"].to_numpy()


def _rung(
    prediction: Prediction,
    evaluation: JudgedOrders,
    measures: dict[str, Interval],
    ranking: RankingMeasures,
    popular: npt.NDArray[np.int64],
) -> Rung:
    label, p = evaluation.candidates.label, prediction.probability
    listed = prediction.top[:, :10]
    listed = listed[listed != NO_PRODUCT]
    return Rung(
        name=prediction.name,
        is_model=prediction.is_model,
        context=prediction.context,
        decision=prediction.decision,
        measures=measures,
        figures={
            "logloss": None if p is None else log_loss(label, p),
            "auc": None if p is None else auc(label, p),
            "calibration_error": None if p is None else calibration_error(label, p),
            **{name: None if np.isnan(mean) else mean for name, mean in ranking.means().items()},
            "coverage": len(np.unique(listed)) / len(popular),
            "popular_share": (
                float(np.isin(listed, popular[:POPULAR]).mean()) if len(listed) else 0.0
            ),
        },
        seconds=prediction.seconds,
    )

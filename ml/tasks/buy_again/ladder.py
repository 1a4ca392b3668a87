"""The ladder: every baseline and the model on the same orders, and whether the model is better."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.data.contract import Context
from ml.data.reading import DataFolder
from ml.judging.comparison import Comparison, signed
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
from ml.tasks.buy_again.entries import (
    MODEL,
    RECENCY,
    SEED_RECIPE,
    Entry,
    Prediction,
    baseline_entries,
    model_entry,
    seed_entry,
)
from ml.tasks.buy_again.evaluation import Evaluation
from ml.tasks.buy_again.parameters import RESAMPLES, SEED
from ml.tasks.buy_again.segments import Segment, segments
from ml.tools.progress import step

POPULAR = 100
"""How many of the products bought most often count as the popular ones."""


@dataclass(frozen=True)
class Rung:
    """
    One predictor's figures.

    Attributes
    ----------
    name, context, decision
        Which, and how its baskets were chosen.
    f1
        Mean F1 per order by protocol K.
    logloss, auc, calibration_error
        Of its probabilities; None for one that gives none.
    ranking
        Means of `ml.judging.ranking.RankingMeasures` by protocol NBR; None where one has no order.
    coverage
        Share of the shop's products that are in at least one list of ten.
    popular_share
        Share of the listed products, ten per order, that are among the POPULAR ones.
    seconds
        Time to fit and predict.

    """

    name: str
    context: Context
    decision: str
    f1: Interval
    logloss: float | None
    auc: float | None
    calibration_error: float | None
    ranking: dict[str, float | None]
    coverage: float
    popular_share: float
    seconds: float


@dataclass(frozen=True)
class Ladder:
    """
    Protocols K and NBR on one window.

    Attributes
    ----------
    window, orders, candidates, resamples
        What was judged, and how often it was drawn again for the intervals.
    best_baseline
        The rule, or published predictor without trees, with the highest mean F1.
    truth_popular_share
        Share of the products really bought that are among the POPULAR ones.
    rungs
        From the simplest predictor up.
    comparisons
        Paired differences of the models.
    calibration
        Bins of each model's probabilities, by context.
    segments
        F1 by kinds of orders.

    """

    window: int
    orders: int
    candidates: int
    resamples: int
    best_baseline: str
    truth_popular_share: float
    rungs: list[Rung]
    comparisons: list[Comparison]
    calibration: dict[Context, list[CalibrationBin]]
    segments: list[Segment]


def climb(
    data: DataFolder,
    evaluation: Evaluation,
    seed: Prediction,
    models: dict[Context, Prediction],
) -> Ladder:
    """
    Score the baselines and out-of-fold predictions on the evaluated orders.

    The baselines know nothing of the order to come, so that their context is pre-order and they
    may stand beside both contexts of the model.

    Parameters
    ----------
    data
        The data folder, for the histories.
    evaluation
        Which orders and folds.
    seed
        Predictions of the seed recipe.
    models
        Those of the model, by context.

    """
    baselines = baseline_entries(data, evaluation)
    own = [model_entry(evaluation, context, one) for context, one in models.items()]
    entries = [*baselines, seed_entry(evaluation, seed), *own]
    with step("measures and bootstrap"):
        truth = whole_baskets(evaluation.orders, data.baskets())
        ranking = [measure_lists(entry.top, truth) for entry in entries]
        f1 = np.stack([evaluation.f1(entry.chosen) for entry in entries], axis=1)
        best = max(range(len(baselines)), key=lambda place: float(f1[:, place].mean()))
        pairs, differences = _differences(entries, f1, ranking)
        intervals = bootstrap(np.hstack([f1, differences]), RESAMPLES, SEED)
        popular = _most_bought(data)
    return Ladder(
        window=evaluation.window,
        orders=evaluation.orders.height,
        candidates=len(evaluation.candidates),
        resamples=RESAMPLES,
        best_baseline=baselines[best].name,
        truth_popular_share=float(np.isin(truth.product, popular[:POPULAR]).mean()),
        rungs=[
            _rung(entry, evaluation, interval, measures, popular)
            for entry, interval, measures in zip(entries, intervals, ranking, strict=False)
        ],
        comparisons=[
            Comparison(base.name, measure, interval, entry.context)
            for (entry, base, measure), interval in zip(
                pairs, intervals[len(entries) :], strict=True
            )
        ],
        calibration={
            entry.context: calibration_bins(evaluation.candidates.label, entry.probability)
            for entry in own
            if entry.probability is not None
        },
        segments=segments(
            evaluation,
            {entry.context: evaluation.f1(entry.chosen) for entry in own},
            f1[:, best],
        ),
    )


def verdicts(ladder: Ladder) -> list[str]:
    """Say for each context whether the model beats the best baseline and the seed recipe."""
    wanted = {
        ladder.best_baseline: f"the best baseline ({ladder.best_baseline})",
        SEED_RECIPE: "the seed recipe",
    }
    return [
        f"{one.context}: the model is {one.words} {wanted[one.baseline]}:"
        f" mean F1 {signed(one.difference)}"
        for one in ladder.comparisons
        if one.baseline in wanted and one.measure == "F1"
    ]


def _differences(
    entries: list[Entry], f1: npt.NDArray[np.float64], ranking: list[RankingMeasures]
) -> tuple[list[tuple[Entry, Entry, str]], npt.NDArray[np.float64]]:
    """Pair each model with every other predictor in F1, and with recency decay in two measures."""
    pairs, columns = [], []
    places = range(len(entries))
    for model in (place for place in places if entries[place].name == MODEL):
        for base in (place for place in places if entries[place].name != MODEL):
            pairs.append((entries[model], entries[base], "F1"))
            columns.append(f1[:, model] - f1[:, base])
            if entries[base].name == RECENCY:
                for measure, name in (("recall@10", "recall_10"), ("NDCG@10", "ndcg_10")):
                    pairs.append((entries[model], entries[base], measure))
                    columns.append(getattr(ranking[model], name) - getattr(ranking[base], name))
    return pairs, np.stack(columns, axis=1)


def _most_bought(data: DataFolder) -> npt.NDArray[np.int64]:
    """Give every product of the shop's known orders, the most bought first."""
    counts = data.baskets().group_by("product_id").len().collect()
    return counts.sort("len", "product_id", descending=[True, False])["product_id"].to_numpy()


def _rung(
    entry: Entry,
    evaluation: Evaluation,
    f1: Interval,
    ranking: RankingMeasures,
    popular: npt.NDArray[np.int64],
) -> Rung:
    p = entry.probability
    label = evaluation.candidates.label
    listed = entry.top[:, :10]
    listed = listed[listed != NO_PRODUCT]
    return Rung(
        name=entry.name,
        context=entry.context,
        decision=entry.decision,
        f1=f1,
        logloss=None if p is None else log_loss(label, p),
        auc=None if p is None else auc(label, p),
        calibration_error=None if p is None else calibration_error(label, p),
        ranking={name: None if np.isnan(mean) else mean for name, mean in ranking.means().items()},
        coverage=len(np.unique(listed)) / len(popular),
        popular_share=float(np.isin(listed, popular[:POPULAR]).mean()) if len(listed) else 0.0,
        seconds=entry.seconds,
    )

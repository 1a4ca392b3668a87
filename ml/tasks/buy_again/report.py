"""What the report says of a run of buy-again."""

from pathlib import Path
from typing import Any

from markupsafe import Markup

from ml.data.contract import Context
from ml.judging.metrics import Interval
from ml.report.charts import IntervalRow, bar_chart, interval_chart, reliability_chart
from ml.report.page import Answer, Part, templates
from ml.report.parts import (
    context_comparisons,
    first_answer,
    hits,
    known_orders,
    read_comparisons,
    read_examples,
)
from ml.runs.run import Run
from ml.tasks.buy_again import NAME
from ml.tasks.buy_again.ladder import BASKET_F1, F1, main_comparisons

FEATURES_SHOWN = 15


def report(run: Run) -> Part:
    """Show how good the answers are, whether chances hold, for whom, by what, and some shoppers."""
    examples, ladder = read_examples(run), run.metrics["ladder"]
    context = examples["context"]
    text = (
        templates(Path(__file__).parent)
        .get_template("report.html.j2")
        .render(
            run=run,
            ladder=ladder,
            best_baseline=run.metrics["best_baseline"],
            segments=run.metrics["segments"],
            comparisons=read_comparisons(run),
            examples=examples,
            verdicts=_verdicts(run),
            ladder_chart=interval_chart(
                _interval_rows(ladder), "Mean F1 of each predictor, in Kaggle's form"
            ),
            reliability_chart=reliability_chart(
                [(one["probability"], one["share"]) for one in run.metrics["calibration"][context]],
                "Share bought against predicted chance",
            ),
            shap_chart=bar_chart(
                _shares(run.features["shap"][context]),
                "Share of each feature in the contributions to a chance",
            ),
            gain_chart=bar_chart(
                _shares(run.features["gain"][context]),
                "Share of the gain of each feature",
            ),
        )
    )
    return Part(
        task=NAME,
        trained_at=run.environment["trained_at"],
        title="What shoppers will buy again",
        lead="From a shopper's earlier orders the model gives every product in them the chance to"
        " be in the next order, and picks the basket that fits these chances best. It was judged"
        f" on {ladder['judged']['orders']:,} orders of shoppers that it had not learnt from."
        f"{known_orders(run)}",
        body=Markup(text),  # noqa: S704 - escaped by its template
        answer=_answer(run, context),
    )


def _answer(run: Run, context: Context) -> Answer:
    rungs = run.metrics["ladder"]["rungs"]
    model = next(rung for rung in rungs if rung["is_model"] and rung["context"] == context)
    name = run.metrics["best_baseline"]
    baseline = next(rung for rung in rungs if rung["name"] == name)
    best = next(
        one
        for one in context_comparisons(run, context)
        if one.measure == F1 and one.baseline == name
    )
    recall = hits(model["figures"]["recall_10"], baseline["figures"]["recall_10"])
    return first_answer(
        best,
        model["measures"][F1]["mean"],
        f"{run.metrics['ladder']['judged']['orders']:,} orders",
        f"Of 100 products that a shopper buys, {recall} are among the first ten of the list.",
    )


def _interval_rows(ladder: dict[str, Any]) -> list[IntervalRow]:
    return [
        IntervalRow(
            label=f"{rung['name']}, {rung['context']}" if rung["is_model"] else rung["name"],
            interval=Interval(**rung["measures"][F1]),
            is_model=rung["is_model"],
        )
        for rung in ladder["rungs"]
    ]


def _verdicts(run: Run) -> list[dict[str, Any]]:
    """Give each context's mean F1 of both kinds, with the comparisons that matter most."""
    return [
        {
            "context": rung["context"],
            "f1": rung["measures"][F1]["mean"],
            "basket_f1": rung["measures"][BASKET_F1]["mean"],
            "comparisons": [
                one
                for one, _ in main_comparisons(
                    context_comparisons(run, rung["context"]), run.metrics["best_baseline"]
                )
            ],
        }
        for rung in run.metrics["ladder"]["rungs"]
        if rung["is_model"]
    ]


def _shares(amounts: dict[str, float]) -> list[tuple[str, float]]:
    total = sum(amounts.values()) or 1.0
    ranked = sorted(amounts.items(), key=lambda feature: -feature[1])
    return [(name, value / total) for name, value in ranked[:FEATURES_SHOWN]]

"""Prints the ladder of buy-again."""

from ml.judging.ladder import Ladder
from ml.judging.printing import print_comparisons, print_verdicts
from ml.tasks.buy_again.ladder import BASKET_F1, F1
from ml.tools.terminal import print_message, print_table


def print_ladder(ladder: Ladder) -> None:
    """Print every rung, every paired comparison and the verdicts on stdout."""
    print_message(
        f"Protocol {ladder.protocol}: {ladder.judged['orders']:,} orders of orders_back"
        f" {ladder.window}, {ladder.judged['candidates']:,} candidates; means per order, 95 %"
        f" interval of {ladder.resamples:,} bootstrap resamples. F1 is that of sets in Kaggle's"
        " form, where None may stand beside products; basket F1 that of baskets for a shop, where"
        " it does not."
    )
    _print_rungs(ladder)
    print_message(
        "Protocol NBR: lists of ten products against the whole basket, new products too"
        " (NDCG over the best list of min(10, basket) hits, in brackets of all)."
    )
    _print_lists(ladder)
    print_message(
        f"Of the products really bought {100 * ladder.figures['truth_popular_share']:.0f} % are"
        " among the 100 most popular."
    )
    for decision in dict.fromkeys(rung.decision for rung in ladder.rungs):
        names = dict.fromkeys(rung.name for rung in ladder.rungs if rung.decision == decision)
        print_message(f"Set and basket of {' and '.join(names)}: {decision}.")
    print_comparisons(ladder.comparisons)
    print_verdicts(ladder)


def _print_rungs(ladder: Ladder) -> None:
    print_table(
        ["predictor", "context", "F1", "95 %", "basket\nF1", "logloss", "AUC", "ECE", "s"],
        [
            [
                rung.name,
                rung.context or "",
                f"{rung.measures[F1].mean:.4f}",
                f"{rung.measures[F1].low:.3f}-{rung.measures[F1].high:.3f}",
                f"{rung.measures[BASKET_F1].mean:.4f}",
                *(_figure(rung.figures[name]) for name in ("logloss", "auc", "calibration_error")),
                f"{rung.seconds:.1f}",
            ]
            for rung in ladder.rungs
        ],
        left=2,
    )


def _print_lists(ladder: Ladder) -> None:
    rows = []
    for rung in ladder.rungs:
        found = {name: _figure(value) for name, value in rung.figures.items()}
        rows.append(
            [
                rung.name,
                rung.context or "",
                found["recall_10"],
                found["recall_20"],
                f"{found['ndcg_10']}\n({found['ndcg_10_full']})",
                found["hit_10"],
                found["recall_10_repeat"],
                found["recall_10_explore"],
                f"{100 * (rung.figures['coverage'] or 0):.1f} %",
                f"{100 * (rung.figures['popular_share'] or 0):.0f} %",
            ]
        )
    print_table(
        [
            "predictor",
            "context",
            "R@10",
            "R@20",
            "NDCG@10",
            "PHR@10",
            "repeat\nR@10",
            "explore\nR@10",
            "cover-\nage",
            "popu-\nlar",
        ],
        rows,
        left=2,
    )


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"

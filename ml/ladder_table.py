"""Prints a ladder: a table with lines on a terminal, aligned plain text elsewhere."""

from rich.box import HORIZONTALS
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ml.buy_again.ladder import Ladder, verdicts
from ml.metrics import Interval
from ml.plain_table import print_sentence

_PLAIN_WIDTH = 140


def print_ladder(ladder: Ladder) -> None:
    """Print every rung, every paired comparison and the verdicts on stdout."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=_PLAIN_WIDTH)
    console.print(
        Text(
            f"Protocol K: {ladder.orders:,} orders of orders_back {ladder.window},"
            f" {ladder.candidates:,} candidates; mean F1 per order, 95 % interval of"
            f" {ladder.resamples:,} bootstrap resamples."
        )
    )
    console.print(_rungs(ladder, console))
    console.print(
        Text(
            "Protocol NBR: lists of ten products against the whole basket, new products too"
            " (NDCG over the best list of min(10, basket) hits, in brackets of all)."
        )
    )
    console.print(_lists(ladder, console))
    console.print(
        Text(
            f"Of the products really bought {100 * ladder.truth_popular_share:.0f} % are among the"
            " 100 most popular."
        )
    )
    for decision in dict.fromkeys(rung.decision for rung in ladder.rungs):
        names = dict.fromkeys(rung.name for rung in ladder.rungs if rung.decision == decision)
        console.print(Text(f"Basket of {' and '.join(names)}: {decision}."))
    console.print(_comparisons(ladder, console))
    print_verdicts(ladder)


def print_verdicts(ladder: Ladder) -> None:
    """Print a sentence for each context: is the model better than the best baseline."""
    for verdict in verdicts(ladder):
        print_sentence(verdict)


def _rungs(ladder: Ladder, console: Console) -> Table:
    table = _table(console)
    for heading in ("predictor", "context"):
        table.add_column(heading, no_wrap=True)
    for heading in ("F1", "95 %", "logloss", "AUC", "ECE", "s"):
        table.add_column(heading, justify="right", no_wrap=True)
    for rung in ladder.rungs:
        table.add_row(
            rung.name,
            rung.context,
            f"{rung.f1.mean:.4f}",
            f"{rung.f1.low:.3f}-{rung.f1.high:.3f}",
            *(
                "" if figure is None else f"{figure:.4f}"
                for figure in (rung.logloss, rung.auc, rung.calibration_error)
            ),
            f"{rung.seconds:.1f}",
        )
    return table


def _lists(ladder: Ladder, console: Console) -> Table:
    table = _table(console)
    for heading in ("predictor", "context"):
        table.add_column(heading, no_wrap=True)
    for heading in (
        "R@10",
        "R@20",
        "NDCG@10",
        "PHR@10",
        "repeat R@10",
        "explore R@10",
        "coverage",
        "popular",
    ):
        table.add_column(heading, justify="right")
    for rung in ladder.rungs:
        found = {name: _figure(value) for name, value in rung.ranking.items()}
        table.add_row(
            rung.name,
            rung.context,
            found["recall_10"],
            found["recall_20"],
            f"{found['ndcg_10']} ({found['ndcg_10_full']})",
            found["hit_10"],
            found["recall_10_repeat"],
            found["recall_10_explore"],
            f"{100 * rung.coverage:.1f} %",
            f"{100 * rung.popular_share:.0f} %",
        )
    return table


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _comparisons(ladder: Ladder, console: Console) -> Table:
    table = _table(console)
    for heading in ("model", "against", "measure"):
        table.add_column(heading)
    for heading in ("difference", "95 %"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict")
    for comparison in ladder.comparisons:
        table.add_row(
            comparison.context,
            comparison.baseline,
            comparison.measure,
            f"{comparison.difference.mean:+.4f}",
            _ends(comparison.difference),
            "better" if comparison.is_better else "not better",
        )
    return table


def _ends(interval: Interval) -> str:
    return f"{interval.low:+.4f} to {interval.high:+.4f}"


def _table(console: Console) -> Table:
    if console.is_terminal:
        # the widest row then fits 80 columns
        return Table(box=HORIZONTALS, padding=0)
    return Table(box=None, pad_edge=False)

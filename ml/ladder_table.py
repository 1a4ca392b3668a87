"""Prints a ladder: a table with lines on a terminal, aligned plain text elsewhere."""

from rich.box import HORIZONTALS
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ml.buy_again.ladder import Ladder, verdicts
from ml.metrics import Interval

_PLAIN_WIDTH = 140


def print_ladder(ladder: Ladder) -> None:
    """Print every rung, every paired comparison and the verdicts on stdout."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=_PLAIN_WIDTH)
    console.print(
        Text(
            f"Protocol {ladder.protocol}: {ladder.orders:,} orders of orders_back {ladder.window},"
            f" {ladder.candidates:,} candidates; mean F1 per order, 95 % interval of"
            f" {ladder.resamples:,} bootstrap resamples."
        )
    )
    console.print(_rungs(ladder, console))
    for decision in dict.fromkeys(rung.decision for rung in ladder.rungs):
        names = dict.fromkeys(rung.name for rung in ladder.rungs if rung.decision == decision)
        console.print(Text(f"Basket of {' and '.join(names)}: {decision}."))
    console.print(_comparisons(ladder, console))
    print_verdicts(ladder)


def print_verdicts(ladder: Ladder) -> None:
    """Print a sentence for each context: is the model better than the best baseline."""
    console = Console()
    for verdict in verdicts(ladder):
        console.print(Text(verdict), soft_wrap=True)


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


def _comparisons(ladder: Ladder, console: Console) -> Table:
    table = _table(console)
    for heading in ("model", "against"):
        table.add_column(heading)
    for heading in ("F1 difference", "95 %"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict")
    for comparison in ladder.comparisons:
        table.add_row(
            comparison.context,
            comparison.baseline,
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

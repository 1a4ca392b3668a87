"""Tables and sentences of figures on stdout."""

from collections.abc import Sequence

from rich.box import HORIZONTALS
from rich.console import Console
from rich.table import Table
from rich.text import Text

_PLAIN_WIDTH = 160


def print_sentence(sentence: str) -> None:
    """Print one sentence; a terminal breaks it where it ends."""
    Console().print(Text(sentence), soft_wrap=True)


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table, its first column left and the others right; without lines in a file."""
    console = Console()
    is_terminal = console.is_terminal
    if not is_terminal:
        console = Console(width=_PLAIN_WIDTH)
    table = Table(
        box=HORIZONTALS if is_terminal else None,
        padding=0 if is_terminal else (0, 1),
        pad_edge=is_terminal,
    )
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="right" if place else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    console.print(table)

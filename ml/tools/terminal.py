"""Tables and sentences of figures on stdout."""

from collections.abc import Sequence

from rich.box import HORIZONTALS
from rich.console import Console
from rich.table import Table
from rich.text import Text

_PLAIN_WIDTH = 240


def print_message(message: str) -> None:
    """Print one sentence; a terminal breaks it where it ends."""
    Console().print(Text(message), soft_wrap=True)


def print_table(
    headings: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1, left_at_end: int = 0
) -> None:
    """
    Print a table: with lines on a terminal, as aligned plain text elsewhere.

    Parameters
    ----------
    headings
        Of the columns.
    rows
        The cells of each row; a cell may have several lines. A row of no cells ends a section.
    left, left_at_end
        Columns that are set to the left, from the first on and at the end; the others are set to
        the right.

    """
    console = Console(markup=False, emoji=False)
    is_terminal = console.is_terminal
    if not is_terminal:
        console = Console(markup=False, emoji=False, width=_PLAIN_WIDTH)
    # on a terminal as narrow as can be: most have 80 columns
    table = Table(
        box=HORIZONTALS if is_terminal else None,
        padding=0 if is_terminal else (0, 1),
        pad_edge=is_terminal,
    )
    for index, heading in enumerate(headings):
        is_text = index < left or index >= len(headings) - left_at_end
        # where there is no room a text takes two lines; a figure would be cut off
        table.add_column(
            heading,
            justify="left" if is_text else "right",
            no_wrap=not is_text,
            overflow="fold" if is_text else "ellipsis",
        )
    for row in rows:
        if row:
            table.add_row(*row)
        else:
            table.add_section()
    console.print(table)

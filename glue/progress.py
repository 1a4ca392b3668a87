"""Progress of long steps: a bar on a terminal, one plain line for each step elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

Advance = Callable[[int], None]
StepMaker = Callable[[str, int], AbstractContextManager[Advance]]


@contextmanager
def silent_step(_description: str, _total: int) -> Iterator[Advance]:
    """Show nothing."""
    yield lambda _done: None


@contextmanager
def console_step(description: str, total: int) -> Iterator[Advance]:
    """Show one step on standard error; call what is yielded with the number of parts done."""
    console = Console(stderr=True)
    if not console.is_terminal:
        console.print(f"{description} ...", highlight=False)
        yield lambda _done: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console) as bar:
        task = bar.add_task(description, total=total)
        yield lambda done: bar.advance(task, done)

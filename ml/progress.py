"""What is being done: a moving line on a terminal, plain lines elsewhere, always on stderr."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

_QUIET_SECONDS = 60


def say(sentence: str) -> None:
    """Print one sentence for the user on stderr."""
    _console().print(Text(sentence), soft_wrap=True)


@contextmanager
def step(name: str) -> Iterator[None]:
    """Show that `name` is under way and, when it is done, how many seconds it took."""
    console = _console()
    begun = time.perf_counter()
    if console.is_terminal:
        with console.status(Text(name)):
            yield
    else:
        yield
    say(f"{name}: {time.perf_counter() - begun:.1f} s")


@contextmanager
def counted_step(name: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show how much of `total` is done and the time left; what is yielded adds to what is done."""
    console = _console()
    begun = time.perf_counter()
    if console.is_terminal:
        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
            task = bar.add_task(name, total=total)
            yield lambda done: bar.advance(task, done)
    else:
        yield lambda _done: None
    say(f"{name}: {time.perf_counter() - begun:.1f} s")


@contextmanager
def fit_progress(name: str, most_rounds: int) -> Iterator[Callable[[int], None]]:
    """Show the round that a fit has reached; elsewhere than on a terminal, once in a minute."""
    console = _console()
    begun = time.perf_counter()
    if console.is_terminal:
        with console.status(Text(name)) as status:
            yield lambda done: status.update(Text(f"{name}, round {done} of {most_rounds}"))
    else:
        said = begun

        def advance(done: int) -> None:
            nonlocal said
            if time.perf_counter() - said > _QUIET_SECONDS:
                said = time.perf_counter()
                say(f"{name}: round {done} of at most {most_rounds}")

        yield advance
    say(f"{name}: {time.perf_counter() - begun:.1f} s")


def _console() -> Console:
    # made anew each time: stderr may have been replaced since (click's and pytest's runners do)
    return Console(stderr=True)

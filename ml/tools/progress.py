"""What is being done: a moving line on a terminal, plain lines elsewhere, always on stderr."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

_QUIET_SECONDS = 60

Advance = Callable[[int], None]
"""Adds to what is done of a step."""

StepMaker = Callable[[str, int], AbstractContextManager[Advance]]
"""Begins a step of a name and a total: `counted_step`, or `silent_step` where nobody looks."""


def say(message: str) -> None:
    """Print one sentence for the user on stderr."""
    _console().print(Text(message), soft_wrap=True)


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
def silent_step(_name: str, _total: int) -> Iterator[Advance]:
    """Show nothing."""
    yield lambda _done: None


@contextmanager
def counted_step(name: str, total: int) -> Iterator[Advance]:
    """
    Show how much of `total` is done and the time left; elsewhere than on a terminal, once a minute.

    What is yielded adds to what is done.
    """
    console = _console()
    begun = time.perf_counter()
    if console.is_terminal:
        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
            task = bar.add_task(name, total=total)
            yield lambda done: bar.advance(task, done)
    else:
        yield _Count(name, total).advance
    say(f"{name}: {time.perf_counter() - begun:.1f} s")


class _Count:
    """How much of a step is done, said where there is no terminal."""

    def __init__(self, name: str, total: int) -> None:
        self._name, self._total, self._done = name, total, 0
        self._begun = self._said = time.perf_counter()

    def advance(self, done: int) -> None:
        self._done += done
        now = time.perf_counter()
        if now - self._said > _QUIET_SECONDS and self._done:
            self._said = now
            left = (now - self._begun) * (self._total - self._done) / self._done
            say(f"{self._name}: {self._done / self._total:.0%}, about {left:.0f} s are left")


class FitsProgress:
    """Several fits, some of them at once: what each has reached, and how long the rest takes."""

    def __init__(
        self, title: str, fits: int, later: int, at_once: int, bar: Progress | None
    ) -> None:
        self._title = title
        self._left = fits + later
        self._at_once = at_once
        self._bar = bar
        self._seconds: list[float] = []
        self._said = time.perf_counter()
        self._lock = threading.Lock()

    @contextmanager
    def fit(self, name: str) -> Iterator[Callable[[int], None]]:
        """Show one fit; what is yielded takes the number of rounds it has behind it."""
        begun = time.perf_counter()
        if self._bar:
            task = self._bar.add_task(name, total=None, rounds=0)
            yield lambda rounds: self._bar.update(task, rounds=rounds) if self._bar else None
            self._bar.remove_task(task)
        else:
            yield lambda rounds: self._say_rounds(name, rounds)
        with self._lock:
            self._left -= 1
            self._seconds.append(time.perf_counter() - begun)
            self._say(f"{name}: {self._seconds[-1]:.1f} s")
            if self._left:
                each = sum(self._seconds) / len(self._seconds)
                seconds = each * self._left / min(self._left, self._at_once)
                self._say(f"{self._title}: about {seconds:.0f} s are left")

    def _say_rounds(self, name: str, rounds: int) -> None:
        with self._lock:
            if time.perf_counter() - self._said > _QUIET_SECONDS:
                self._said = time.perf_counter()
                self._say(f"{name}: round {rounds}")

    def _say(self, message: str) -> None:
        # above the moving lines, where there are any
        console = self._bar.console if self._bar else _console()
        console.print(Text(message), soft_wrap=True)


@contextmanager
def fits_progress(title: str, fits: int, later: int, at_once: int) -> Iterator[FitsProgress]:
    """
    Show the round that each fit has reached; elsewhere than on a terminal, once in a minute.

    Parameters
    ----------
    title
        What is fitted.
    fits
        How many fits are made now.
    later
        How many more of the same follow, which the time left counts too.
    at_once
        How many are made side by side.

    """
    console = _console()
    if console.is_terminal:
        columns = (TextColumn("{task.description}, round {task.fields[rounds]}"),)
        with Progress(*columns, console=console, transient=True) as bar:
            yield FitsProgress(title, fits, later, at_once, bar)
    else:
        yield FitsProgress(title, fits, later, at_once, None)


def _console() -> Console:
    # made anew each time: stderr may have been replaced since (click's and pytest's runners do)
    return Console(stderr=True)

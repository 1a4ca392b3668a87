"""Time and memory of a command and of every process that it starts."""

import os
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import click
import psutil

ROOT = Path(__file__).resolve().parent.parent
SAMPLE_SECONDS = 0.05


@dataclass(frozen=True)
class Measured:
    """Wall time in seconds, and the highest resident memory of the process tree in GB."""

    seconds: float
    memory_gb: float

    def __add__(self, other: "Measured") -> "Measured":
        """Give what both take one after the other."""
        return Measured(self.seconds + other.seconds, max(self.memory_gb, other.memory_gb))


def run_measured(command: list[str], variables: dict[str, str]) -> Measured:
    """
    Run a command in the project's root and measure it.

    Parameters
    ----------
    command
        Program and arguments; what it prints is shown only if it fails.
    variables
        Environment variables to set for it.

    Raises
    ------
    click.ClickException
        If the command fails, with the end of what it printed.

    """
    begun = time.perf_counter()
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        peaks = [0]
        sampler = threading.Thread(target=_sample, args=(process.pid, peaks), daemon=True)
        sampler.start()
        output, _ = process.communicate()
    seconds = time.perf_counter() - begun
    sampler.join()
    if process.returncode:
        raise click.ClickException(f"{' '.join(command)} failed:\n{output[-2000:]}")
    return Measured(seconds, peaks[0] / 1e9)


def _sample(pid: int, peaks: list[int]) -> None:
    """Keep the highest sum of resident bytes over the tree in `peaks[0]` until the root ends."""
    try:
        root = psutil.Process(pid)
        while root.status() != psutil.STATUS_ZOMBIE:
            resident = 0
            for process in (root, *root.children(recursive=True)):
                try:
                    resident += process.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
            peaks[0] = max(peaks[0], resident)
            time.sleep(SAMPLE_SECONDS)
    except psutil.NoSuchProcess:
        return

"""Cores and memory are read on Linux and on macOS."""

import os
import subprocess
import sys

import pytest

from ml.machine import cores, peak_memory_mb


def test_cores_are_those_that_the_process_is_bound_to() -> None:
    program = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))});"
        " from ml.machine import cores; print(cores())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout == b"1\n"


def test_cores_without_bounds_are_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("os.sched_getaffinity")
    assert cores() == os.cpu_count()


def test_peak_memory_holds_what_was_just_filled() -> None:
    before = peak_memory_mb()
    filled = bytearray(b"x" * int(before * 1e6))
    assert len(filled) / 1e6 <= peak_memory_mb() <= 10 * before

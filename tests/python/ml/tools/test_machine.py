"""Cores and memory are read on Linux and on macOS."""

import os
import subprocess
import sys

import psutil
import pytest

from ml.tools.machine import cores, give_memory_back, peak_memory_mb


def test_cores_are_those_that_the_process_is_bound_to() -> None:
    program = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))});"
        " from ml.tools.machine import cores; print(cores())"
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


@pytest.mark.skipif(sys.platform != "linux", reason="the C libraries of others need no such call")
def test_memory_freed_between_what_is_kept_is_given_back() -> None:
    size = 100_000  # below what the C library would map and return by itself
    kept, freed = [], []
    for _ in range(2_000):
        freed.append(b"x" * size)
        kept.append(b"y" * 10_000)
    freed.clear()
    before = psutil.Process().memory_info().rss
    give_memory_back()
    assert before - psutil.Process().memory_info().rss > 100e6
    assert len(kept) == 2_000


def test_a_c_library_without_the_call_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.CDLL", lambda _name: object())
    give_memory_back()

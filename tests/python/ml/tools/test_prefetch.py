"""What comes ahead comes in order, and not too far ahead."""

import threading
import time

import pytest

from ml.tools.prefetch import ahead

THREADS = 3


def test_results_come_in_order_although_later_ones_are_done_first() -> None:
    def slow_first(number: int) -> int:
        time.sleep(0.2 if number == 0 else 0)
        return number

    assert list(ahead(slow_first, range(20), THREADS)) == list(range(20))


def test_beside_the_result_in_use_no_more_calls_are_begun_than_there_are_threads() -> None:
    begun: list[int] = []
    results = ahead(begun.append, range(20), THREADS)
    next(results)
    time.sleep(0.1)
    assert begun == list(range(THREADS + 1))
    next(results)
    time.sleep(0.1)
    assert begun == list(range(THREADS + 2))


def test_calls_run_side_by_side() -> None:
    together = threading.Barrier(THREADS, timeout=10)
    assert len(list(ahead(lambda _number: together.wait(), range(THREADS), THREADS))) == THREADS


def test_a_failure_is_raised_where_its_result_was_to_come() -> None:
    results = ahead(lambda number: 1 // number, [1, 0, 1], THREADS)
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)

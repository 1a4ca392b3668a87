"""The decision against brute force."""

from itertools import combinations, product

import numpy as np
import pytest

from ml.arrays import Floats
from ml.buy_again.decision import choose_baskets, expected_f1


def brute_force(probability: Floats, basket: tuple[int, ...]) -> float:
    """Average the F1 of a basket over everything that may be bought; {} stands for {None}."""
    total = 0.0
    for outcome in product((0, 1), repeat=len(probability)):
        bought = {item for item, is_bought in enumerate(outcome) if is_bought}
        chance = np.prod([p if b else 1 - p for p, b in zip(probability, outcome, strict=True)])
        if not basket and not bought:
            f1 = 1.0
        else:
            f1 = 2 * len(bought & set(basket)) / (len(bought) + len(basket))
        total += float(chance) * f1
    return total


@pytest.mark.parametrize("size", range(1, 8))
def test_curve_equals_brute_force(size: int) -> None:
    probability = np.sort(np.random.default_rng(size).random((3, size)))[:, ::-1]
    curve = expected_f1(probability)
    for row in range(3):
        expected = [brute_force(probability[row], tuple(range(k))) for k in range(size + 1)]
        np.testing.assert_allclose(curve[row], expected, atol=1e-12)


@pytest.mark.parametrize("scale", [0.1, 0.4, 1.0])
@pytest.mark.parametrize("size", [1, 2, 3, 5, 8])
def test_no_other_basket_has_a_higher_expected_f1(size: int, scale: float) -> None:
    probability = np.random.default_rng(size).random(size) * scale
    chosen = tuple(
        int(row)
        for row in np.flatnonzero(choose_baskets(np.zeros(size, dtype=np.int64), probability))
    )
    best = max(
        brute_force(probability, basket)
        for count in range(size + 1)
        for basket in combinations(range(size), count)
    )
    assert brute_force(probability, chosen) == pytest.approx(best, abs=1e-12)


def test_long_orders_equal_the_sum_over_both_counts() -> None:
    probability = np.sort(np.random.default_rng(4).beta(0.4, 3, 90))[::-1]
    k = 17
    head, tail = np.ones(1), np.ones(1)
    for place, p in enumerate(probability):
        if place < k:
            head = np.convolve(head, [1 - p, p])
        else:
            tail = np.convolve(tail, [1 - p, p])
    j, m = np.meshgrid(np.arange(len(head)), np.arange(len(tail)), indexing="ij")
    expected = (np.outer(head, tail) * 2 * j / (k + j + m)).sum()
    assert expected_f1(probability[None])[0, k] == pytest.approx(expected)


def test_orders_are_decided_apart_whatever_their_size() -> None:
    random = np.random.default_rng(5)
    sizes = [1, 40, 3, 3, 9, 64, 2]
    order = np.repeat(np.arange(len(sizes)), sizes)
    probability = random.beta(0.5, 3, len(order))
    together = choose_baskets(order, probability)
    apart = [
        choose_baskets(np.zeros(size, dtype=np.int64), probability[order == number])
        for number, size in enumerate(sizes)
    ]
    np.testing.assert_array_equal(together, np.concatenate(apart))


def test_none_when_nothing_is_likely() -> None:
    assert not choose_baskets(np.zeros(3, dtype=np.int64), np.array([0.1, 0.05, 0.1])).any()


def test_among_equals_the_earlier_row_is_taken() -> None:
    probability = np.array([0.9, 0.3, 0.9, 0.3, 0.3, 0.3])
    chosen = choose_baskets(np.zeros(6, dtype=np.int64), probability)
    count = int(chosen.sum())
    assert list(np.flatnonzero(chosen)) == sorted([0, 2, 1, 3, 4, 5][:count])


def test_no_rows() -> None:
    assert len(choose_baskets(np.empty(0, dtype=np.int64), np.empty(0))) == 0

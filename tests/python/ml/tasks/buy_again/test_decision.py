"""The decision against brute force."""

from functools import cache
from itertools import product

import click
import numpy as np
import pytest

from ml.data.arrays import Floats
from ml.tasks.buy_again.decision import (
    NODES,
    Decision,
    choose_baskets,
    expected_f1,
    parse_decision,
    shift_nodes,
    shifted,
)

EFFECTS = [0.0, 0.7, 1.5]


@cache
def outcomes_of(size: int) -> Floats:
    """Give every subset of `size` products as a row of 0 and 1."""
    return np.array(list(product((0.0, 1.0), repeat=size)))


def outcome_chances(probability: Floats, effect_sd: float) -> Floats:
    """Give the chance that each subset is what is bought, averaged over the shifts."""
    shifts, weights = shift_nodes(effect_sd, NODES)
    given = shifted(probability, shifts, weights)[:, None]
    bought = outcomes_of(len(probability)) == 1
    chances: Floats = weights @ np.prod(np.where(bought, given, 1 - given), axis=2)
    return chances


@cache
def f1_table(size: int) -> Floats:
    """Give the F1 of each subset (rows) if each subset is bought (columns); {} is {None}."""
    baskets = outcomes_of(size)
    total = baskets.sum(axis=1)[:, None] + baskets.sum(axis=1)
    return np.where(total == 0, 1.0, 2 * baskets @ baskets.T / np.maximum(total, 1))


@pytest.mark.parametrize("effect_sd", EFFECTS)
def test_a_thousand_orders_against_every_basket(effect_sd: float) -> None:
    random = np.random.default_rng(11)
    for number in range(1_000):
        size = 1 + number % 10
        probability = random.beta(0.6, 2, size) * random.choice([0.2, 1.0])
        values = f1_table(size) @ outcome_chances(probability, effect_sd)
        chosen = choose_baskets(np.zeros(size, dtype=np.int64), probability, effect_sd=effect_sd)
        own = (outcomes_of(size) == chosen).all(axis=1)
        assert values[own][0] == pytest.approx(values.max(), abs=1e-9)


@pytest.mark.parametrize("effect_sd", EFFECTS)
@pytest.mark.parametrize("size", range(1, 8))
def test_curve_equals_brute_force(size: int, effect_sd: float) -> None:
    probability = np.sort(np.random.default_rng(size).random(size))[::-1].copy()
    values = f1_table(size) @ outcome_chances(probability, effect_sd)
    # the subsets that are the first 0, 1, 2 ... products
    falling = (np.diff(outcomes_of(size), axis=1) <= 0).all(axis=1)
    first = np.flatnonzero(falling)
    first = first[np.argsort(outcomes_of(size)[first].sum(axis=1))]
    np.testing.assert_allclose(expected_f1(probability, effect_sd), values[first], atol=1e-9)


def test_long_orders_equal_the_sum_over_both_counts() -> None:
    probability = np.sort(np.random.default_rng(4).beta(0.4, 3, 90))[::-1].copy()
    k = 17
    head, tail = np.ones(1), np.ones(1)
    for place, p in enumerate(probability):
        if place < k:
            head = np.convolve(head, [1 - p, p])
        else:
            tail = np.convolve(tail, [1 - p, p])
    j, m = np.meshgrid(np.arange(len(head)), np.arange(len(tail)), indexing="ij")
    expected = (np.outer(head, tail) * 2 * j / np.maximum(k + j + m, 1)).sum()
    assert expected_f1(probability)[k] == pytest.approx(expected)


@pytest.mark.parametrize("effect_sd", EFFECTS)
def test_the_bound_on_the_length_cuts_off_no_better_basket(effect_sd: float) -> None:
    random = np.random.default_rng(6)
    for scale in (0.02, 0.3, 1.0):
        for _ in range(30):
            probability = random.beta(0.5, 1.5, 200) * scale
            ranked = np.sort(probability)[::-1].copy()
            best = int(np.argmax(expected_f1(ranked, effect_sd)))
            order = np.zeros(200, dtype=np.int64)
            assert choose_baskets(order, probability, effect_sd=effect_sd).sum() == best


@pytest.mark.parametrize("effect_sd", [0.3, 0.7, 2.0])
def test_a_shift_leaves_the_mean_probability(effect_sd: float) -> None:
    probability = np.array([1e-6, 0.001, 0.2, 0.5, 0.93, 0.9999])
    shifts, weights = shift_nodes(effect_sd, NODES)
    assert (weights * shifts**2).sum() == pytest.approx(effect_sd**2)
    given = shifted(probability, shifts, weights)
    np.testing.assert_allclose(weights @ given, probability, rtol=1e-6)
    # the same shift of every product's log odds
    odds = np.log(given / (1 - given))
    np.testing.assert_allclose(odds - odds[0], np.tile((shifts - shifts[0])[:, None], 6), atol=1e-6)


def test_orders_are_decided_apart_whatever_their_size() -> None:
    random = np.random.default_rng(5)
    sizes = [1, 40, 3, 3, 9, 64, 2] * 600
    order = np.repeat(np.arange(len(sizes)), sizes)
    probability = random.beta(0.5, 3, len(order))
    together = choose_baskets(order, probability)
    some = list(range(0, len(sizes), 97))
    for number in some:
        own = order == number
        apart = choose_baskets(order[own], probability[own])
        np.testing.assert_array_equal(together[own], apart)


def test_none_when_nothing_is_likely() -> None:
    assert not choose_baskets(np.zeros(3, dtype=np.int64), np.array([0.1, 0.05, 0.1])).any()


def test_among_equals_the_earlier_row_is_taken() -> None:
    probability = np.array([0.9, 0.3, 0.9, 0.3, 0.3, 0.3])
    chosen = choose_baskets(np.zeros(6, dtype=np.int64), probability)
    count = int(chosen.sum())
    assert list(np.flatnonzero(chosen)) == sorted([0, 2, 1, 3, 4, 5][:count])


def test_no_rows() -> None:
    assert len(choose_baskets(np.empty(0, dtype=np.int64), np.empty(0))) == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("top-2", [1, 0, 0, 1, 1, 1]),
        ("threshold-0.5", [1, 0, 0, 1, 1, 0]),
        # means of the first products: .8 .65 .5 in the first order, .6 .5 in the second
        ("precision-0.55", [1, 0, 0, 1, 1, 0]),
        ("precision-0.5", [1, 1, 0, 1, 1, 1]),
    ],
)
def test_other_rules_by_hand(text: str, expected: list[int]) -> None:
    order = np.array([0, 0, 0, 0, 1, 1])
    probability = np.array([0.8, 0.2, 0.0, 0.5, 0.6, 0.4])
    chosen = choose_baskets(order, probability, decision=parse_decision(text))
    assert list(chosen) == [bool(one) for one in expected]


def test_a_decision_reads_back() -> None:
    for decision in (Decision("expected-f1"), Decision("top", 10), Decision("precision", 0.25)):
        assert parse_decision(str(decision)) == decision


@pytest.mark.parametrize("text", ["", "top-0", "top-1.5", "threshold-2", "precision", "best-0.2"])
def test_what_is_no_decision(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no decision"):
        parse_decision(text)

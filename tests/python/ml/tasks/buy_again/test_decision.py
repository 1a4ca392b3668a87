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
    decide,
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
def sets_of(size: int) -> Floats:
    """Give every set that may be said: a row of 0 and 1 for the products, the last for None."""
    baskets = outcomes_of(size)
    without = np.hstack([baskets, (baskets.sum(axis=1) == 0)[:, None]])
    beside = np.hstack([baskets, np.ones((len(baskets), 1))])
    # {None} is in both halves
    return np.vstack([without, beside])


@cache
def f1_table(size: int) -> Floats:
    """Give the F1 of each set (rows) if each subset is bought (columns); {} is {None}."""
    said = sets_of(size)
    truth = said[: 2**size]
    total = said.sum(axis=1)[:, None] + truth.sum(axis=1)
    return np.asarray(2 * said @ truth.T / total)


def expected_of_sets(probability: Floats, effect_sd: float) -> Floats:
    """Give the expected F1 of each row of `sets_of`."""
    return f1_table(len(probability)) @ outcome_chances(probability, effect_sd)


def assert_best(probability: Floats, effect_sd: float) -> None:
    """Hold both answers against every set: with None beside products, and without."""
    size = len(probability)
    values, sets = expected_of_sets(probability, effect_sd), sets_of(size)
    decided = decide(np.zeros(size, dtype=np.int64), probability, effect_sd=effect_sd)
    own = (sets[: 2**size, :size] == decided.basket).all(axis=1)
    assert values[: 2**size][own][0] == pytest.approx(values[: 2**size].max(), abs=1e-9)
    (beside,) = set(decided.none_beside.tolist())
    assert not beside or decided.submitted.any()
    said = np.append(decided.submitted, beside or not decided.submitted.any())
    own = (sets == said).all(axis=1)
    assert values[own][0] == pytest.approx(values.max(), abs=1e-9)


@pytest.mark.parametrize("effect_sd", EFFECTS)
def test_a_thousand_orders_against_every_set(effect_sd: float) -> None:
    random = np.random.default_rng(11)
    for number in range(1_000):
        size = 1 + number % 10
        assert_best(random.beta(0.6, 2, size) * random.choice([0.2, 1.0]), effect_sd)


@pytest.mark.parametrize("effect_sd", EFFECTS)
def test_equal_probabilities_against_every_set(effect_sd: float) -> None:
    random = np.random.default_rng(12)
    for number in range(500):
        size = 1 + number % 8
        # at most three values, sure and impossible ones among them
        values = np.append(random.choice([0.0, 0.05, 0.5, 1.0], 2), random.random())
        assert_best(random.choice(values, size), effect_sd)


@pytest.mark.parametrize("effect_sd", EFFECTS)
@pytest.mark.parametrize("size", range(1, 8))
def test_curve_equals_brute_force(size: int, effect_sd: float) -> None:
    probability = np.sort(np.random.default_rng(size).random(size))[::-1].copy()
    values = expected_of_sets(probability, effect_sd)
    # the subsets that are the first 0, 1, 2 ... products
    falling = (np.diff(outcomes_of(size), axis=1) <= 0).all(axis=1)
    first = np.flatnonzero(falling)
    first = first[np.argsort(outcomes_of(size)[first].sum(axis=1))]
    curve = expected_f1(probability, effect_sd)
    np.testing.assert_allclose(curve, [values[first], values[2**size + first]], atol=1e-9)


@pytest.mark.parametrize(
    ("probability", "basket", "submitted", "none_beside"),
    [
        # {a}: p; {None}: 1 - p; {a, None}: 2 / 3 whatever happens
        ([0.5], [0], [1], True),
        ([0.7], [1], [1], False),
        ([0.3], [0], [0], False),
        # the test below has what these expect: {a} .473, {a, None} .6
        ([0.5, 0.16], [1, 0], [1, 0], True),
    ],
)
def test_sets_of_one_and_two_products_by_hand(
    probability: list[float], basket: list[int], submitted: list[int], none_beside: bool
) -> None:
    decided = decide(np.zeros(len(probability), dtype=np.int64), np.array(probability))
    assert decided.basket.tolist() == [bool(one) for one in basket]
    assert decided.submitted.tolist() == [bool(one) for one in submitted]
    assert set(decided.none_beside.tolist()) == {none_beside}


def test_two_products_expect_what_a_hand_works_out() -> None:
    # chances of nothing, a, b, both: .42 .42 .08 .08
    curve = expected_f1(np.array([0.5, 0.16]))
    np.testing.assert_allclose(
        curve,
        [
            [0.42, 0.42 + 0.08 * 2 / 3, 0.5 * 2 / 3 + 0.08],
            [0.42, 0.84 * 2 / 3 + 0.08 / 2, 0.92 / 2 + 0.08 * 4 / 5],
        ],
    )


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
    curve = expected_f1(probability)
    assert curve[0, k] == pytest.approx(expected)
    inside = (np.outer(head, tail) * 2 * j / (k + 1 + j + m)).sum()
    none = np.prod(1 - probability) * 2 / (k + 2)
    assert curve[1, k] == pytest.approx(inside + none)


@pytest.mark.parametrize("effect_sd", EFFECTS)
def test_the_bound_on_the_length_cuts_off_no_better_basket(effect_sd: float) -> None:
    random = np.random.default_rng(6)
    for scale in (0.02, 0.3, 1.0):
        for _ in range(30):
            probability = random.beta(0.5, 1.5, 200) * scale
            ranked = np.sort(probability)[::-1].copy()
            curve = expected_f1(ranked, effect_sd)
            decided = decide(np.zeros(200, dtype=np.int64), probability, effect_sd=effect_sd)
            assert decided.basket.sum() == np.argmax(curve[0])
            beside, best = divmod(int(np.argmax(curve)), 201)
            assert decided.submitted.sum() == best
            assert set(decided.none_beside.tolist()) == {beside == 1}


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
    together = decide(order, probability)
    some = list(range(0, len(sizes), 97))
    for number in some:
        own = order == number
        apart = decide(order[own], probability[own])
        np.testing.assert_array_equal(together.basket[own], apart.basket)
        np.testing.assert_array_equal(together.submitted[own], apart.submitted)
        np.testing.assert_array_equal(together.none_beside[own], apart.none_beside)
    assert set(together.none_beside.tolist()) == {True, False}


def test_none_when_nothing_is_likely() -> None:
    decided = decide(np.zeros(3, dtype=np.int64), np.array([0.05, 0.02, 0.05]))
    assert not decided.basket.any()
    assert not decided.submitted.any()
    assert not decided.none_beside.any()


def test_among_equals_the_earlier_row_is_taken() -> None:
    probability = np.array([0.9, 0.3, 0.9, 0.3, 0.3, 0.3])
    decided = decide(np.zeros(6, dtype=np.int64), probability)
    for chosen in (decided.basket, decided.submitted):
        count = int(chosen.sum())
        assert list(np.flatnonzero(chosen)) == sorted([0, 2, 1, 3, 4, 5][:count])


def test_no_rows() -> None:
    assert len(decide(np.empty(0, dtype=np.int64), np.empty(0)).submitted) == 0


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
    decided = decide(order, probability, decision=parse_decision(text))
    assert list(decided.basket) == [bool(one) for one in expected]
    # Kaggle's set is that of the highest expected F1 all the same
    by_f1 = decide(order, probability)
    np.testing.assert_array_equal(decided.submitted, by_f1.submitted)
    np.testing.assert_array_equal(decided.none_beside, by_f1.none_beside)


def test_a_decision_reads_back() -> None:
    for decision in (Decision("expected-f1"), Decision("top", 10), Decision("precision", 0.25)):
        assert parse_decision(str(decision)) == decision


@pytest.mark.parametrize("text", ["", "top-0", "top-1.5", "threshold-2", "precision", "best-0.2"])
def test_what_is_no_decision(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no decision"):
        parse_decision(text)

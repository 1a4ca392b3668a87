"""From probabilities to the two answers with the highest expected F1: a shop's, and Kaggle's."""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import click
import numba
import numpy as np

from ml.data.arrays import Booleans, Floats, Integers
from ml.tools.machine import cores

NODES = 5
"""Points of the Gauss-Hermite quadrature over the order effect."""

_FIRST_LIMIT = 32  # lengths of baskets looked at first; more only where the bound allows it
_NEGLIGIBLE = 1e-18
_NEWTON_STEPS = 3
_ORDERS_PER_TASK = 2_000

Kind = Literal["expected-f1", "top", "threshold", "precision"]


@dataclass(frozen=True)
class Decision:
    """
    How a basket for a shop is chosen.

    Attributes
    ----------
    kind
        expected-f1: the basket with the highest expected F1; top: the `value` most probable
        products; threshold: every product with a probability of at least `value`; precision: as
        many products as leave the expected share of hits at least `value`.
    value
        What `kind` needs; unused by expected-f1.

    """

    kind: Kind
    value: float = 0.0

    def __str__(self) -> str:
        """Give the form that `parse_decision` reads."""
        return self.kind if self.kind == "expected-f1" else f"{self.kind}-{self.value:g}"


EXPECTED_F1 = Decision("expected-f1")


@dataclass(frozen=True)
class Decided:
    """
    Both answers for the products of some orders.

    A shop's basket holds products; an empty one is the answer None. Kaggle's set may hold None
    beside products, as one more item; without products it is {None}.

    Attributes
    ----------
    basket
        bool [n]: whether the row's product is in the basket for a shop.
    submitted
        bool [n]: whether it is in Kaggle's set.
    none_beside
        bool [n]: whether None stands beside the products of Kaggle's set; the same for every row of
        an order, and False where the set holds no product.

    """

    basket: Booleans
    submitted: Booleans
    none_beside: Booleans

    @classmethod
    def without_none(cls, chosen: Booleans) -> "Decided":
        """Give the same products, bool [n], in both answers."""
        return cls(chosen, chosen, np.zeros_like(chosen))


def parse_decision(text: str) -> Decision:
    """
    Read expected-f1, top-10, threshold-0.21 or precision-0.5.

    Raises
    ------
    click.BadParameter
        If the text is none of these forms, or its number is out of range.

    """
    if text == EXPECTED_F1.kind:
        return EXPECTED_F1
    top = re.fullmatch(r"top-([1-9]\d*)", text)
    if top:
        return Decision("top", float(top[1]))
    share = re.fullmatch(r"(threshold|precision)-(0\.\d+|1(?:\.0+)?)", text)
    if share:
        return Decision("threshold" if share[1] == "threshold" else "precision", float(share[2]))
    raise click.BadParameter(
        f"{text!r} is no decision: give expected-f1, or for example top-10, threshold-0.21 or"
        " precision-0.5 (shares from 0 to 1)."
    )


def decide(
    order: Integers,
    probability: Floats,
    *,
    effect_sd: float = 0.0,
    decision: Decision = EXPECTED_F1,
) -> Decided:
    """
    Choose for each order the basket and Kaggle's set with the highest expected F1.

    With S the set, T the products bought again, or {None} if there are none, F1 is
    2 |S and T| / (|S| + |T|). With k products in S, B bought again and J of these in S it is

    - of products alone: 2 J / (k + B);
    - with None beside them: 2 J / (k + 1 + B) if B > 0, and 2 / (k + 2) if B = 0;
    - of {None}: 1 if B = 0, else 0.

    For every k, with None or without, the best set holds the k most probable products (Ye, Chai,
    Lee and Chieu, Optimizing F-measure: A Tale of Two Approaches, ICML 2012, theorem 4). With a
    more probable product in place of another, only outcomes count in which one of the two is
    bought: B is the same whichever it is, and that it is the one in the set has become likelier. So
    only k and None are to be found, among 2 n + 1 sets. That holds with the order effect too: the
    order of the products is the same whatever the shift.

    Parameters
    ----------
    order
        int64 [n], non-decreasing: which order a row belongs to.
    probability
        float64 [n], calibrated chance that the row's product is bought. Among equals the earlier
        row is taken first.
    effect_sd
        Standard deviation of the shift that the log odds of one order's products have in common
        (see `ml.tasks.buy_again.order_effect`); 0 takes them to be independent.
    decision
        The rule for the basket. Kaggle's set is always the one with the highest expected F1.

    Returns
    -------
    Decided
        For the n rows. Of sets with the same expected F1 the one without None is taken, then the
        one of fewer products.

    """
    starts = np.append(np.flatnonzero(np.diff(order, prepend=order[:1] - 1)), len(order))
    answers = np.zeros((3, len(order)), dtype=np.bool_)
    shifts, weights = shift_nodes(effect_sd, NODES)

    def choose(first: int) -> None:
        part = starts[first : first + _ORDERS_PER_TASK + 1]
        _choose_by_expected_f1(part, probability, shifts, weights, answers)

    # the compiled loop holds no lock, and orders do not touch each other's rows
    with ThreadPoolExecutor(cores()) as threads:
        list(threads.map(choose, range(0, len(starts) - 1, _ORDERS_PER_TASK)))
    basket, submitted, none_beside = answers
    if decision.kind == "threshold":
        basket = probability >= decision.value
    elif decision.kind != "expected-f1":
        basket[:] = False
        _choose_by_rank(starts, probability, decision.kind == "top", decision.value, basket)
    return Decided(basket, submitted, none_beside)


def shift_nodes(effect_sd: float, nodes: int) -> tuple[Floats, Floats]:
    """
    Give points and weights that stand for a normal shift with mean 0.

    Parameters
    ----------
    effect_sd
        Standard deviation of the shift, in log odds; 0 gives the single point 0.
    nodes
        Number of points otherwise.

    Returns
    -------
    float64 [nodes], float64 [nodes]
        Shifts and weights that sum to 1 (Gauss-Hermite quadrature).

    """
    if effect_sd == 0:
        return np.zeros(1), np.ones(1)
    points, weights = np.polynomial.hermite_e.hermegauss(nodes)
    return effect_sd * points, weights / weights.sum()


def expected_f1(probability: Floats, effect_sd: float = 0.0) -> Floats:
    """
    Give the expected F1 of the k most probable products, for every k, without None and with it.

    Parameters
    ----------
    probability
        float64 [n], from high to low.
    effect_sd
        As in `decide`.

    Returns
    -------
    float64 [2, n + 1]
        Column k: expected F1 of the first k products, alone in row 0 and with None beside them in
        row 1; column 0 of None in both.

    """
    shifts, weights = shift_nodes(effect_sd, NODES)
    return np.asarray(_curve(shifted(probability, shifts, weights), weights, len(probability)))


@numba.njit(nogil=True, cache=True)
def shifted(probability: Floats, shifts: Floats, weights: Floats) -> Floats:  # pragma: no cover
    """
    Shift the log odds of probabilities so that their mean over the shifts stays what it was.

    Parameters
    ----------
    probability
        float64 [n].
    shifts, weights
        float64 [s], from `shift_nodes`.

    Returns
    -------
    float64 [s, n]
        For each shift the probability of each product, given that shift.

    """
    given = np.empty((len(shifts), len(probability)))
    if len(shifts) == 1:
        given[0] = probability
        return given
    variance = 0.0
    for node in range(len(shifts)):
        variance += weights[node] * shifts[node] ** 2
    # a logistic mean over a normal is nearly logistic: a good start for Newton's method
    stretch = np.sqrt(1.0 + variance * np.pi / 8.0)
    # exp(-(centre + shift)) as a product: one exponential a step, whatever the number of nodes
    factors = np.exp(-shifts)
    for item in range(len(probability)):
        p = min(max(probability[item], 1e-12), 1.0 - 1e-12)
        odds = np.log(p / (1.0 - p))
        centre = odds * stretch
        for _ in range(_NEWTON_STEPS):
            mean, slope, against = 0.0, 0.0, np.exp(-centre)
            for node in range(len(shifts)):
                value = 1.0 / (1.0 + against * factors[node])
                mean += weights[node] * value
                slope += weights[node] * value * (1.0 - value)
            # in log odds, where the mean is nearly a straight line
            centre += (odds - np.log(mean / (1.0 - mean))) * mean * (1.0 - mean) / slope
        against = np.exp(-centre)
        for node in range(len(shifts)):
            given[node, item] = 1.0 / (1.0 + against * factors[node])
    return given


@numba.njit(nogil=True, cache=True)
def _curve(  # noqa: C901 - nested sums, for speed in one compiled function
    given: Floats, weights: Floats, limit: int
) -> Floats:  # pragma: no cover
    """
    Give the expected F1 of None and of the first 1 to `limit` products, as `expected_f1` does.

    With M_k the number bought among the products after the k-th and J_k among the first k,
    E[F1 of k] = sum over j of P(J_k = j) * 2 j * E[1 / (k + j + M_k)]. Both factors follow from
    their neighbours in k by one step of dynamic programming. None beside them makes the set larger
    by one, k + 1 + j + M_k, and adds P(nothing is bought) * 2 / (k + 2).
    """
    size = given.shape[1]
    curve = np.zeros((2, limit + 1))
    hits = np.empty((limit + 1, limit + 1))
    tail = np.empty(size - limit + 2)
    inverse = np.empty(2 * limit + 2)
    parts = 1.0 / np.arange(1, 2 * limit + len(tail) + 1)
    for node in range(len(weights)):
        p = given[node]
        # tail[m] = P(m of the products after the last looked at are bought)
        tail[0], length = 1.0, 1
        for item in range(limit, size):
            last = tail[length - 1] * p[item]
            for m in range(length - 1, 0, -1):
                tail[m] = tail[m] * (1.0 - p[item]) + tail[m - 1] * p[item]
            tail[0] *= 1.0 - p[item]
            if last > _NEGLIGIBLE:
                tail[length] = last
                length += 1
        # hits[k, j] = P(j of the first k are bought)
        hits[0, 0] = 1.0
        for k in range(limit):
            hits[k + 1, 0] = hits[k, 0] * (1.0 - p[k])
            for j in range(1, k + 1):
                hits[k + 1, j] = hits[k, j] * (1.0 - p[k]) + hits[k, j - 1] * p[k]
            hits[k + 1, k + 1] = hits[k, k] * p[k]
        none = hits[limit, 0] * tail[0]
        curve[:, 0] += weights[node] * none
        # inverse[t] = E[1 / (t + M_k)], for k from the last product looked at down
        for t in range(1, 2 * limit + 2):
            total = 0.0
            for m in range(length):
                total += tail[m] * parts[t + m - 1]
            inverse[t] = total
        for k in range(limit, 0, -1):
            alone, beside = 0.0, none / (k + 2)
            for j in range(1, k + 1):
                share = j * hits[k, j]
                alone += share * inverse[k + j]
                beside += share * inverse[k + 1 + j]
            curve[0, k] += weights[node] * 2.0 * alone
            curve[1, k] += weights[node] * 2.0 * beside
            # only t <= 2 k - 1 is read from here on
            for t in range(1, 2 * k):
                inverse[t] = p[k - 1] * inverse[t + 1] + (1.0 - p[k - 1]) * inverse[t]
    return curve


@numba.njit(nogil=True, cache=True)
def _choose_by_expected_f1(
    starts: Integers, probability: Floats, shifts: Floats, weights: Floats, answers: Booleans
) -> None:  # pragma: no cover
    basket, submitted, none_beside = answers[0], answers[1], answers[2]
    for index in range(len(starts) - 1):
        first, end = starts[index], starts[index + 1]
        own = probability[first:end]
        ranking = np.argsort(-own, kind="mergesort")
        ranked = own[ranking]
        given = shifted(ranked, shifts, weights)
        limit = min(len(ranked), _FIRST_LIMIT)
        while True:
            curve = _curve(given, weights, limit)
            alone, beside = np.argmax(curve[0]), np.argmax(curve[1])
            best_alone, best_beside = curve[0, alone], curve[1, beside]
            if limit == len(ranked):
                break
            # E[2 J / (k + bought)] <= E[2 J / (k + J)] <= 2 mu / (k + mu) by Jensen's inequality,
            # with mu = E[J_k]; as mu / k falls with k, no longer basket passes the bound. None
            # beside it adds at most P(nothing is bought) * 2 / (k + 2), which falls too
            mu = ranked[: limit + 1].sum()
            bound = 2.0 * mu / (limit + 1 + mu)
            with_none = bound + 2.0 * curve[0, 0] / (limit + 3)
            if bound <= best_alone and with_none <= max(best_alone, best_beside):
                break
            limit = min(len(ranked), 2 * limit)
        for rank in range(alone):
            basket[first + ranking[rank]] = True
        is_beside = best_beside > best_alone
        for rank in range(beside if is_beside else alone):
            submitted[first + ranking[rank]] = True
        none_beside[first:end] = is_beside


@numba.njit(nogil=True, cache=True)
def _choose_by_rank(
    starts: Integers, probability: Floats, by_count: bool, value: float, chosen: Booleans
) -> None:  # pragma: no cover
    for index in range(len(starts) - 1):
        own = probability[starts[index] : starts[index + 1]]
        ranking = np.argsort(-own, kind="mergesort")
        total = 0.0
        for rank in range(len(own)):
            total += own[ranking[rank]]
            if (by_count and rank >= value) or (not by_count and total < value * (rank + 1)):
                break
            chosen[starts[index] + ranking[rank]] = True

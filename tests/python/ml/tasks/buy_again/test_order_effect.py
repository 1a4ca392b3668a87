"""The order effect is found where there is one, and only there."""

import numpy as np
import pytest

from ml.tasks.buy_again.decision import shift_nodes, shifted
from ml.tasks.buy_again.order_effect import estimate_effect_sd


@pytest.mark.parametrize("effect_sd", [0.0, 0.7, 1.3])
def test_finds_the_shift_that_orders_were_drawn_with(effect_sd: float) -> None:
    random = np.random.default_rng(2)
    orders, size = 1_500, 40
    order = np.repeat(np.arange(orders), size)
    probability = random.beta(0.6, 3, orders * size)
    # centres such that the mean over the shifts is the probability, taken from 51 points
    shifts, weights = shift_nodes(effect_sd, 51)
    given = shifted(probability, shifts, weights)
    centre = np.log(given[0] / (1 - given[0])) - shifts[0]
    own = np.repeat(random.normal(0, effect_sd, orders), size)
    label = (random.random(len(order)) < 1 / (1 + np.exp(-centre - own))).astype(np.float64)
    assert estimate_effect_sd(order, probability, label) == pytest.approx(effect_sd, abs=0.12)


def test_no_rows_no_effect() -> None:
    assert estimate_effect_sd(np.empty(0, dtype=np.int64), np.empty(0), np.empty(0)) == 0

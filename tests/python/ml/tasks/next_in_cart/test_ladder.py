"""The measures of protocol PN, worked out by hand."""

import numpy as np
import pytest

from ml.tasks.next_in_cart.ladder import MEASURES, step_measures


def test_five_steps_worked_out_by_hand() -> None:
    # places of the product bought: in the whole list, in the list of new products
    ranks = np.array([[1, np.inf], [4, np.inf], [15, np.inf], [11, 2], [np.inf, np.inf]])
    repeats = np.array([True, True, True, False, False])
    found = dict(zip(MEASURES, step_measures(ranks, repeats).mean(axis=0), strict=True))
    assert found["HR@10"] == pytest.approx(2 / 5)
    assert found["HR@20"] == pytest.approx(4 / 5)
    assert found["MRR@10"] == pytest.approx((1 + 1 / 4) / 5)
    assert found["repeat HR@10"] == pytest.approx(2 / 3)
    assert found["explore HR@10"] == 0
    assert found["explore HR@10, new only"] == pytest.approx(1 / 2)

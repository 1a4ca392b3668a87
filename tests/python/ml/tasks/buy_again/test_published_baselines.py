"""TIFU-KNN and UP-CF against histories worked out by hand."""

import numpy as np
import polars as pl
import pytest

from ml.data.arrays import Floats
from ml.tasks.buy_again import published_baselines
from ml.tasks.buy_again.published_baselines import (
    OWN_WEIGHT,
    Profiles,
    popularity_profiles,
    tifu_profiles,
    tifu_scores,
    up_cf_scores,
)

TARGETS = pl.DataFrame({"user_id": [1, 2, 3], "order_number": [5, 2, 3]})
BASKETS = pl.LazyFrame(
    {
        # shopper 1: product 10 in orders 1, 3 and 4, product 11 in order 2; order 5 is the target
        "user_id": [1, 1, 1, 1, 1, 2, 2, 3, 3],
        "order_number": [1, 2, 3, 4, 5, 1, 2, 1, 2],
        "product_id": [10, 11, 10, 10, 12, 10, 12, 12, 12],
    }
)


@pytest.fixture(autouse=True, params=[25_000, 2], ids=["one-part", "two-parts"])
def shoppers_at_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read all shoppers at once, and in parts as in a large shop."""
    monkeypatch.setattr("ml.data.users.USERS_AT_ONCE", request.param)


def weight(profiles: Profiles, user: int, product: int) -> float:
    row = int(np.searchsorted(profiles.user_id, user))
    column = int(np.searchsorted(profiles.product_id, product))
    return float(profiles.weights[row, column])


def scores_of(profiles: Profiles, scorer: object) -> Floats:
    assert callable(scorer)
    found = np.zeros(profiles.weights.shape)
    for part, scores in scorer(profiles):
        found[part] = scores
    return found


def test_tifu_weighs_orders_within_groups_and_groups() -> None:
    profiles = tifu_profiles(TARGETS, BASKETS)
    # four orders: the newest three are a group, the oldest is one of its own, a group further back
    new = (1 + 0.9) / 3 / 2
    old = 0.7 / 1 / 2
    assert weight(profiles, 1, 10) == pytest.approx(new + old)
    assert weight(profiles, 1, 11) == pytest.approx(0.9**2 / 3 / 2)
    assert weight(profiles, 2, 10) == pytest.approx(1.0)
    assert weight(profiles, 3, 12) == pytest.approx((1 + 0.9) / 2)
    # the target's own products are not read
    assert weight(profiles, 1, 12) == weight(profiles, 2, 12) == 0


def test_tifu_blends_with_the_mean_of_the_others() -> None:
    profiles = tifu_profiles(TARGETS, BASKETS)
    own = profiles.weights.toarray()
    # with three shoppers everybody else is near
    for user in range(3):
        others = np.delete(own, user, axis=0).mean(axis=0)
        np.testing.assert_allclose(
            scores_of(profiles, tifu_scores)[user],
            OWN_WEIGHT * own[user] + (1 - OWN_WEIGHT) * others,
        )


def test_popularity_is_the_share_of_recent_orders() -> None:
    profiles = popularity_profiles(TARGETS, BASKETS)
    assert weight(profiles, 1, 10) == pytest.approx(3 / 4)
    assert weight(profiles, 1, 11) == pytest.approx(1 / 4)
    assert weight(profiles, 3, 12) == pytest.approx(1)


def test_only_recent_orders_count_for_popularity() -> None:
    targets = pl.DataFrame({"user_id": [1], "order_number": [31]})
    baskets = pl.LazyFrame(
        {"user_id": 1, "order_number": range(1, 31), "product_id": [7] * 21 + [8] * 9}
    )
    profiles = popularity_profiles(targets, baskets)
    assert weight(profiles, 1, 8) == pytest.approx(0.9)
    assert weight(profiles, 1, 7) == pytest.approx(0.1)


def test_up_cf_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    # its own power lets nobody count but a shopper's twins
    monkeypatch.setattr(published_baselines, "LOCALITY", 2)
    profiles = popularity_profiles(TARGETS, BASKETS)
    scores = scores_of(profiles, up_cf_scores)
    # shopper 1 is (.75, .25, 0), shopper 2 is (1, 0, 0), shopper 3 shares nothing with them
    alike = 1 / (2**0.75 * 1**0.25)
    np.testing.assert_allclose(scores[0], [0.75 + alike**2, 0.25, 0])
    alike = 1 / (1**0.75 * 2**0.25)
    np.testing.assert_allclose(scores[1], [1 + alike**2 * 0.75, alike**2 * 0.25, 0])
    np.testing.assert_allclose(scores[2], [0, 0, 1])


def test_up_cf_compares_everything_that_was_ever_bought() -> None:
    # long ago both bought product 1, and since then each has bought a product of their own
    targets = pl.DataFrame({"user_id": [1, 2], "order_number": [13, 13]})
    baskets = pl.LazyFrame(
        {
            "user_id": [1] * 12 + [2] * 12,
            "order_number": [*range(1, 13)] * 2,
            "product_id": [1] + [2] * 11 + [1] + [3] * 11,
        }
    )
    scores = scores_of(popularity_profiles(targets, baskets), up_cf_scores)
    assert scores[0, 2] == pytest.approx(0.5**100)

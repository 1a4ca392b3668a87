"""The simple orders of a cart's candidates, where they can be worked out by hand."""

from pathlib import Path

import numpy as np
import pytest

from ml.data.reading import open_data
from ml.scoring import parameters
from ml.tasks.next_in_cart.baselines import BASELINES, Baselines, ShopperScores
from ml.tasks.next_in_cart.cart_candidates import CandidateFinder, Feature
from ml.tasks.next_in_cart.state import load_state


def test_each_baseline_knows_what_its_name_says(next_run: Path, data: Path) -> None:
    state = load_state(next_run / "judged-state.npz")
    baselines = Baselines(open_data(data), 0, state.products)
    user = 3
    cart = state.own.product[state.own.start[user] :][:2].astype(np.int64)
    found = CandidateFinder(state).find(user, cart)
    places = np.arange(len(state.products), dtype=np.float32)
    scores = baselines.scores(found, cart, ShopperScores(1 + places, 10 + places))
    assert tuple(scores) == BASELINES
    rank = found.column(Feature.POPULARITY_RANK)
    assert (scores["popularity"] == -rank).all()
    assert scores["aisle popularity"] == pytest.approx(1 + found.product, abs=1e-3)
    assert scores["user-kNN"] == pytest.approx(10 + found.product, abs=1e-3)
    assert scores["personal recency"] == pytest.approx(found.recency, abs=1e-3)
    assert scores["co-occurrence"] == pytest.approx(found.column(Feature.COSINE_SUM), abs=1e-3)
    both = found.recency + found.column(Feature.COSINE_SUM)
    assert scores["personal + cosine"] == pytest.approx(both, abs=1e-3)
    for name in BASELINES:
        # where nothing is known, the popular product is the better one
        least = scores[name] == scores[name].min()
        assert rank[least] == rank[np.isclose(scores[name], scores[name].min(), atol=1e-4)].max()


def test_shoppers_are_scored_in_order_whatever_the_chunks(
    next_run: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = load_state(next_run / "judged-state.npz")
    baselines = Baselines(open_data(data), 0, state.products)
    users = state.users[[1, 2, 5, 6, 9]]
    whole = list(baselines.of_shoppers(users))
    alone = [next(baselines.of_shoppers(np.array([user]))) for user in users]
    monkeypatch.setattr(parameters, "CHUNK_CELLS", 2 * len(state.products))
    parts = list(baselines.of_shoppers(users))
    assert len(whole) == len(parts) == len(users)
    for one, other, own in zip(whole, parts, alone, strict=True):
        for name in ("aisle_popularity", "user_knn"):
            assert getattr(one, name) == pytest.approx(getattr(own, name), abs=1e-6)
            assert getattr(other, name) == pytest.approx(getattr(own, name), abs=1e-6)
    assert (alone[0].user_knn != alone[1].user_knn).any()

"""The measures of protocol Novel, against a case worked out by hand and against ranx."""

import numpy as np
import pytest
from ranx import Qrels, Run, evaluate

from ml.tasks.discovery.measures import MEASURES, novel_measures


def test_two_lists_worked_out_by_hand() -> None:
    hits = np.zeros((2, 80), dtype=np.bool_)
    # first shopper: 4 new products, found in places 2, 7, 15; second: 2 new, one in place 80
    hits[0, [1, 6, 14]] = True
    hits[1, 79] = True
    found = novel_measures(hits, np.array([4, 2]))
    assert MEASURES == ("P@5", "recall@10", "recall@20", "recall@80", "hit@10")
    assert found[0].tolist() == [1 / 5, 2 / 4, 3 / 4, 3 / 4, 1]
    assert found[1].tolist() == [0, 0, 0, 1 / 2, 0]


@pytest.mark.xdist_group("ranx")  # what it compiles for one test, the next one finds
@pytest.mark.filterwarnings("ignore")  # ranx compiles with deprecated options of numba
def test_random_lists_agree_with_ranx() -> None:
    random = np.random.default_rng(5)
    hits = random.random((30, 80)) < 0.05
    missed = random.integers(1, 4, size=30)
    new_products = hits.sum(axis=1) + missed
    truth = {
        f"u{row}": {f"p{place}": 1 for place in np.flatnonzero(hits[row])}
        | {f"missed{number}": 1 for number in range(missed[row])}
        for row in range(30)
    }
    lists = {
        f"u{row}": {f"p{place}": float(80 - place) for place in range(80)} for row in range(30)
    }
    names = ["precision@5", "recall@10", "recall@20", "recall@80", "hit_rate@10"]
    expected = evaluate(Qrels(truth), Run(lists), names)
    found = novel_measures(hits, new_products).mean(axis=0)
    assert found == pytest.approx([expected[name] for name in names])

"""The ladder as a table to look at."""

import pandas as pd

from ml.judging.ladder import Ladder, Rung
from ml.judging.metrics import Interval


def test_a_row_for_each_rung() -> None:
    rungs = [
        Rung("popularity", False, {"hit@10": Interval(0.2, 0.1, 0.3)}, {"coverage": 0.5}),
        Rung("model", True, {"hit@10": Interval(0.4, 0.3, 0.5)}, {"coverage": None}, "pre-order"),
    ]
    frame = Ladder("Novel", 0, {"shoppers": 9}, {}, 100, rungs, [], []).frame()
    assert list(frame.columns) == ["hit@10", "hit@10 low", "hit@10 high", "coverage"]
    assert frame.loc[("model", "pre-order"), "hit@10 low"] == 0.3
    assert frame["hit@10"].tolist() == [0.2, 0.4]
    assert pd.isna(frame["coverage"].iloc[1])

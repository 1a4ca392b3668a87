"""Every number that was chosen and not measured from the data at hand."""

from dataclasses import dataclass
from typing import Any

FOLDS = 5
"""Folds by shopper; fixed by protocol K."""

VALIDATION_SHARE = 0.125
"""Part of a fold's training shoppers that decides when to stop."""

STOPPING_ROUNDS = 50
"""Rounds without a better logloss on those shoppers before a fit stops."""

LARGE_DATA_ROWS = 1_000_000
"""From this many labelled rows on, the parameters for large data are used."""

DECAY = 0.85
"""Weight that a purchase keeps with each order after it, in the recency baseline."""

CALIBRATED_RANGE = (0.001, 0.999)
"""Bounds of a baseline's calibrated probability: few rows never prove that something is sure."""

RESAMPLES = 2_000
"""Resamples of the bootstrap."""

SEED = 20170501
"""Seed of everything that draws."""

EXAMPLES = 10
"""Shoppers shown in the report."""

EXAMPLE_PRODUCTS = 8
"""Products shown for each of them."""

_ALWAYS: dict[str, Any] = {
    "objective": "binary",
    "metric": "binary_logloss",
    "deterministic": True,
    "force_col_wise": True,
    "seed": SEED,
    "verbosity": -1,
}


@dataclass(frozen=True)
class FitParameters:
    """LightGBM's parameters and the most rounds to fit."""

    lightgbm: dict[str, Any]
    most_rounds: int


SMALL_DATA = FitParameters(
    {
        **_ALWAYS,
        "learning_rate": 0.04,
        "num_leaves": 15,
        "min_data_in_leaf": 20,
        # more threads wait for each other longer than they work
        "num_threads": 2,
    },
    most_rounds=1_500,
)
LARGE_DATA = FitParameters(
    {
        **_ALWAYS,
        "learning_rate": 0.05,
        "num_leaves": 63,
        "min_data_in_leaf": 200,
        "feature_fraction": 0.6,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        # 0: as many threads as the process has cores. A saved model holds this number, so that
        # naming the count would make the bytes of a model depend on the machine
        "num_threads": 0,
    },
    most_rounds=3_000,
)


def parameters_for(rows: int) -> FitParameters:
    """Choose the parameters that suit the number of labelled rows."""
    return LARGE_DATA if rows >= LARGE_DATA_ROWS else SMALL_DATA

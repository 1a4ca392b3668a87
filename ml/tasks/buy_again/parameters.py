"""Every number that was chosen and not measured from the data at hand."""

from dataclasses import replace
from typing import Any

from ml.fitting.boosting import FitParameters

FOLDS = 5
"""Folds by shopper; fixed by protocol K."""

DECAY = 0.85
"""Weight that a purchase keeps with each order after it, in the recency baseline."""

RESAMPLES = 2_000
"""Resamples of the bootstrap."""

SEED = 20170501
"""Seed of everything that draws."""

EXAMPLES = 10
"""Shoppers shown in the report."""

EXAMPLE_PRODUCTS = 8
"""Products shown for each of them."""

ORIGINAL_THRESHOLD = 0.21
"""Probability from which the original recipe put a product into the basket."""

ORIGINAL_FEATURES = (
    "user_orders",
    "user_period",
    "user_mean_days_since_prior",
    "user_total_products",
    "user_distinct_products",
    "user_reorder_ratio",
    "up_orders",
    "up_average_cart_position",
    "prod_orders",
    "prod_reorder_probability",
    "prod_reorder_times",
    "prod_reorder_ratio",
    "user_average_basket",
    "up_order_rate",
    "up_orders_since_last_order",
    "up_order_rate_since_first_order",
)
"""The original recipe's 16: its base features and ratios, without the five that ratios replace."""

ORIGINAL_FEATURE_FRACTION = 0.6
"""Part of those 16 that a tree sees; of so few a quarter would be too little."""

_ALWAYS: dict[str, Any] = {
    "objective": "binary",
    "metric": "binary_logloss",
    "deterministic": True,
    "force_col_wise": True,
    "seed": SEED,
    "verbosity": -1,
}

SMALL_DATA = FitParameters(
    {
        **_ALWAYS,
        "learning_rate": 0.07,
        "num_leaves": 15,
        "min_data_in_leaf": 100,
        # a quarter of the features per tree is as good as half of them, and faster
        "feature_fraction": 0.25,
        # one for each of several fits at once
        "num_threads": 1,
    },
    most_rounds=1_500,
    stopping_rounds=40,
    validation_share=0.125,
    refits=True,
)
MEDIUM_DATA = FitParameters(
    {
        **_ALWAYS,
        "learning_rate": 0.05,
        "num_leaves": 31,
        "min_data_in_leaf": 100,
        "feature_fraction": 0.5,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "num_threads": 0,
    },
    most_rounds=2_000,
    stopping_rounds=50,
    validation_share=0.1,
    refits=False,
)
FULL_DATA = FitParameters(
    {
        **_ALWAYS,
        "learning_rate": 0.07,
        "num_leaves": 63,
        "min_data_in_leaf": 200,
        "feature_fraction": 0.25,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        # 0: as many threads as the process has cores. A saved model holds this number, so that
        # naming the count would make the bytes of a model depend on the machine
        "num_threads": 0,
    },
    most_rounds=3_000,
    stopping_rounds=40,
    validation_share=0.05,
    refits=False,
)

_MEDIUM_ROWS = 750_000
_FULL_ROWS = 4_000_000


def folds_held_out(rows: int) -> int:
    """
    Choose how many of the FOLDS are held out, by the number of labelled rows.

    Of very many rows one fold is enough to judge by, and takes one fit of each kind instead of
    five; shoppers of the others are only learnt from.
    """
    return FOLDS if rows < _FULL_ROWS else 1


def parameters_for(rows: int) -> FitParameters:
    """Choose the parameters that suit the number of labelled rows."""
    if rows < _MEDIUM_ROWS:
        # of a few hundred rows a leaf must not need a hundred
        leaf = min(max(rows // 500, 5), SMALL_DATA.lightgbm["min_data_in_leaf"])
        return replace(SMALL_DATA, lightgbm=SMALL_DATA.lightgbm | {"min_data_in_leaf": leaf})
    return MEDIUM_DATA if rows < _FULL_ROWS else FULL_DATA

"""Every number of discovery that was chosen and not measured from the data at hand."""

from typing import Any

LISTED = 80
"""Products recommended to each shopper at most."""

MOST_PER_AISLE = 20
"""Of these at most so many from one aisle."""

EXPLORED = (0.25, 0.5, 1.0)
"""Settings of `explore`, 0 being the plain list, whose price is judged."""

RARITY = 0.5
"""How much of `explore` goes to rare products: the power of a product's share of buyers."""

SOURCE_CANDIDATES = 80
"""Products that each fitted source adds to a shopper's candidates."""

CHUNKS_AT_ONCE = 4
"""Chunks made at a time, at most; one for each core."""

ROUNDS_SMALL = 150
ROUNDS_LARGE = 300
"""Trees, below and from LARGE_DATA_ROWS candidates on. Few purchases stop a fit by luck."""

LEARNING_RATE_SMALL = 0.02
LEARNING_RATE_LARGE = 0.05
"""The same. On few purchases many short steps even out what each draw of rows and columns does."""

LARGE_DATA_ROWS = 1_000_000

RESAMPLES = 2_000
"""Resamples of the bootstrap."""

SEED = 20170501
"""Seed of everything that draws."""

LIGHTGBM: dict[str, Any] = {
    "objective": "binary",
    "metric": "binary_logloss",
    "deterministic": True,
    "force_col_wise": True,
    "seed": SEED,
    "verbosity": -1,
    "num_leaves": 7,
    "min_data_in_leaf": 60,
    "feature_fraction": 0.4,
    "bagging_fraction": 0.5,
    "bagging_freq": 1,
    "num_threads": 1,
}
"""Few candidates are bought (about one in 200), so that trees are small,
leaves large and steps short."""

NEGATIVE_SHARE = 0.2
"""Part of the candidates not bought that is learnt from, each for several: a fifth of the time."""

FOLDS = 5
"""Folds by shopper."""

JUDGED_WINDOWS = 4
"""Windows that `evaluate` judges together, at most."""

EXAMPLES = 10
"""Shoppers shown in the report."""

EXAMPLE_PRODUCTS = 8
"""Products shown for each of them."""

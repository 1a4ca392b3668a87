"""Every number of next-in-cart that was chosen and not measured from the data at hand."""

from typing import Any

ANSWERED = 20
"""Products in an answer."""

NEW_SHARE = 0.5
"""Part of the chance of what leaves the first ten that a new product needs to come in."""

NEW_PLACES_JUDGED = (2, 5)
"""Places of the first ten that new products may have, in answers judged beside the plain ones."""

OWN_CANDIDATES = 150
"""Candidates from the shopper's history: those most likely to be bought again."""

NEW_CANDIDATES = 40
"""Candidates from the shopper's discovery list."""

POPULAR_CANDIDATES = 60
"""Candidates from the shop's most bought products."""

NEAREST = 50
"""Products nearest to each product, by shrunk cosine, whose nearness to the cart counts."""

NEIGHBOUR_CANDIDATES = 15
"""Candidates from the neighbours of each of the newest NEIGHBOUR_ITEMS products in the cart."""

NEIGHBOUR_ITEMS = 10

FIRST_STEP = 3
"""Products in the cart at the first step that is judged; fixed by protocol PN."""

MOST_STEPS = 40_000
"""Steps that are learnt from, of all windows: more add nothing that could be measured."""

MOST_STEPS_PER_ORDER = 10
"""Steps of an order that are learnt from: one before FIRST_STEP, the others from there on."""

FEWEST_STEPS_PER_ORDER = 4
"""With more orders than leave so many each, some orders are learnt from and the others are not."""

NEGATIVES = 20
"""Candidates of a step that are learnt from beside the one put into the cart."""

RECENCY_DECAY = 0.9
"""Weight that a purchase keeps with each order after it, in the personal recency baseline."""

ROUNDS = 150

SEED = 20170501
"""Seed of everything that draws."""

FOLDS = 5
"""Folds by shopper."""

RESAMPLES = 2_000
"""Resamples of the bootstrap."""

LIGHTGBM: dict[str, Any] = {
    "objective": "binary",
    "deterministic": True,
    "force_col_wise": True,
    "seed": SEED,
    "verbosity": -1,
    "learning_rate": 0.06,
    "num_leaves": 15,
    "min_data_in_leaf": 100,
    "feature_fraction": 0.6,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "num_threads": 1,
}

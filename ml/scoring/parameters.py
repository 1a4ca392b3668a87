"""Every number of the scores that was chosen and not measured from the data at hand."""

NEIGHBOURS = 100
"""Shoppers with the most similar histories whose purchases count, in user-kNN."""

NEIGHBOUR_DAYS = 14
"""Days before a target order in which similar shoppers bought lately."""

SHOP_DAYS = 7
"""Days before a target order in which the shop sold lately."""

REFERENCE_SHOPPERS = 20_000
"""Shoppers among whom neighbours are looked for, at most."""

FACTORS_SMALL = 16
FACTORS_LARGE = 64
"""Length of the factors, below and from LARGE_SHOP shoppers on."""

LARGE_SHOP = 20_000

FACTOR_FITS_SMALL = 3
"""Fits from different starts whose scores are added up, below LARGE_SHOP shoppers; one above."""

FACTOR_REGULARIZATION = 20.0
FACTOR_CONFIDENCE = 10.0
"""Weight of a purchase against 1 for what was not bought (`alpha` in implicit)."""

FACTOR_ITERATIONS = 15

ITEM_NEIGHBOURS = 50
"""Products most similar to each product that count, in the item-kNN baseline."""

CHUNK_CELLS = 1 << 23
"""Shoppers times products scored at a time: a chunk takes about 250 MB while it is made,
320 MB in a shop with dates."""

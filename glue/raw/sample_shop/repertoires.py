"""Which products a shopper will ever buy, when first, and how much they will be liked."""

from dataclasses import dataclass

import numpy as np

from glue.raw.sample_shop.catalogue import Catalogue, Floats, Integers
from glue.raw.sample_shop.plan import Plan
from glue.raw.sample_shop.settings import ShopSettings

Singles = np.ndarray[tuple[int, ...], np.dtype[np.float32]]


@dataclass(frozen=True)
class Repertoires:
    """The products of a block of shoppers.

    A list of all of them, shopper by shopper in the order of first purchase, and tables with one
    row for each shopper and one column for each of his products.

    Attributes
    ----------
    first_order
        Place in Visits of the order of the first purchase, int64 [products of all shoppers].
    product
        Place in the catalogue, int64 [products of all shoppers].
    row, column
        Where the product stands in the tables, int64 [products of all shoppers].
    appeal
        Weight of the product when it is due, float32 [shoppers, longest].
    cycle_days
        Days until this shopper has used it up, float32 [shoppers, longest].
    last_bought
        Day of the last purchase (until then, of the first), float32 [shoppers, longest].
    interest_ends
        order_number after which the shopper is tired of it, float32 [shoppers, longest].
    """

    first_order: Integers
    product: Integers
    row: Integers
    column: Integers
    appeal: Singles
    cycle_days: Singles
    last_bought: Singles
    interest_ends: Singles


def draw_repertoires(block: Integers, plan: Plan, rng: np.random.Generator) -> Repertoires:
    """Draw the repertoires of some shoppers (places in Shoppers, int64 [shoppers])."""
    settings, catalogue, visits = plan.settings, plan.catalogue, plan.visits
    tenure = plan.shoppers.tenure[block]
    orders = np.repeat(visits.first[block] - (np.cumsum(tenure) - tenure), tenure)
    orders += np.arange(len(orders))
    new = plan.counts.new[orders]
    first_order = np.repeat(orders, new)
    row = np.repeat(np.repeat(np.arange(len(block)), tenure), new)
    size = np.bincount(row, minlength=len(block))
    column = np.arange(len(row)) - (np.cumsum(size) - size)[row]
    favourites = plan.shoppers.favourite_aisles[block]
    product = _draw_distinct(size, favourites, catalogue, settings, rng)

    taste = rng.normal(0, settings.taste_spread, len(row))
    own_cycle = rng.lognormal(0, settings.pair_cycle_spread, len(row))
    interest = rng.exponential(settings.interest_orders, len(row))

    def table(values: Floats | Integers) -> Singles:
        cells = np.ones((len(block), int(size.max())), dtype=np.float32)
        cells[row, column] = values
        return cells

    return Repertoires(
        first_order=first_order,
        product=product,
        row=row,
        column=column,
        appeal=table(np.exp(catalogue.repeat_level[product] + taste)),
        cycle_days=table(catalogue.cycle_days[product] * own_cycle),
        last_bought=table(visits.day[first_order]),
        interest_ends=table(visits.number[first_order] + interest),
    )


def _draw_distinct(
    size: Integers,
    favourites: Integers,
    catalogue: Catalogue,
    settings: ShopSettings,
    rng: np.random.Generator,
) -> Integers:
    """Draw ``size`` distinct products for each shopper: places in the catalogue, [sum of size]."""
    products = len(catalogue.product_id)
    found = np.empty(0, dtype=np.int64)  # shopper * products + product, in the order of the draws
    missing = size
    while missing.any():
        # A third more than needed, since some are drawn twice; whoever is still short draws again.
        shopper = np.repeat(np.arange(len(size)), missing + missing // 3)
        drawn = shopper * products + _draw_products(favourites[shopper], catalogue, settings, rng)
        keys = np.concatenate([found, drawn])
        _, first = np.unique(keys, return_index=True)
        keys = keys[np.sort(first)]
        keys = keys[np.argsort(keys // products, kind="stable")]
        have = np.bincount(keys // products, minlength=len(size))
        rank = np.arange(len(keys)) - np.repeat(np.cumsum(have) - have, have)
        found = keys[rank < size[keys // products]]
        missing = np.maximum(size - have, 0)
    return found % products


def _draw_products(
    favourites: Integers, catalogue: Catalogue, settings: ShopSettings, rng: np.random.Generator
) -> Integers:
    """Draw one product for each row: from one of its favourite aisles or from the whole shop."""
    draws = len(favourites)
    aisle = favourites[np.arange(draws), rng.integers(0, favourites.shape[1], draws)]
    from_favourite = rng.random(draws) < settings.favourite_share
    low = np.where(from_favourite, catalogue.aisle_popularity[aisle - 1], 0.0)
    high = np.where(from_favourite, catalogue.aisle_popularity[aisle], 1.0)
    share = low + (high - low) * rng.random(draws)
    place = np.searchsorted(catalogue.popularity, share, side="right")
    return np.minimum(place, len(catalogue.popularity) - 1)

"""Everything that is settled before the first basket is filled."""

from dataclasses import dataclass

import numpy as np

from glue.raw.sample_shop.catalogue import Catalogue, catalogue_size, make_catalogue
from glue.raw.sample_shop.counts import LineCounts, draw_line_counts
from glue.raw.sample_shop.settings import ShopSettings
from glue.raw.sample_shop.shoppers import Shoppers, draw_shoppers
from glue.raw.sample_shop.visits import Visits, plan_visits


@dataclass(frozen=True)
class Plan:
    """Products, shoppers, their orders and the number of lines of each order."""

    settings: ShopSettings
    catalogue: Catalogue
    shoppers: Shoppers
    visits: Visits
    counts: LineCounts


def make_plan(users: int, settings: ShopSettings, seed: np.random.SeedSequence) -> Plan:
    """Draw the plan of a shop with so many shoppers."""
    for_catalogue, for_shoppers, for_visits, for_counts = seed.spawn(4)
    products = catalogue_size(users, settings)
    catalogue = make_catalogue(products, settings, for_catalogue)
    shoppers = draw_shoppers(users, catalogue, settings, for_shoppers)
    visits = plan_visits(shoppers, settings, for_visits)
    counts = draw_line_counts(shoppers, visits, products, settings, for_counts)
    return Plan(settings, catalogue, shoppers, visits, counts)

"""How many lines every order holds, and how many of them are new to the shopper."""

from dataclasses import dataclass

import numpy as np

from glue.raw.sample_shop.catalogue import Integers
from glue.raw.sample_shop.settings import ShopSettings
from glue.raw.sample_shop.shoppers import Shoppers
from glue.raw.sample_shop.visits import Visits


@dataclass(frozen=True)
class LineCounts:
    """One entry for each order, as in Visits; orders with unknown baskets hold no lines.

    Attributes
    ----------
    new
        Lines of products that the shopper buys for the first time, int64 [orders].
    again
        Lines of products that the shopper has bought before, int64 [orders].
    known
        Distinct products that the shopper bought before this order, int64 [orders].
    """

    new: Integers
    again: Integers
    known: Integers


def draw_line_counts(
    shoppers: Shoppers,
    visits: Visits,
    products: int,
    settings: ShopSettings,
    seed: np.random.SeedSequence,
) -> LineCounts:
    """Draw basket sizes and the number of new products in each basket.

    Sizes are gamma-mixed Poisson (negative binomial) counts plus one. The share of new products
    falls with the order number, with the logit drawn for the shopper and one for the order: the
    lines of one order are not independent of each other.
    """
    rng = np.random.default_rng(seed)
    shopper, number = visits.shopper, visits.number
    shape = settings.basket_order_shape
    rate = (shoppers.basket_mean[shopper] - 1) * rng.gamma(shape, 1 / shape, len(shopper))
    lines = 1 + rng.poisson(rate)
    is_last = number == shoppers.tenure[shopper]
    lines[is_last & ~shoppers.is_train[shopper]] = 0

    logit = shoppers.novelty[shopper] + rng.normal(0, settings.novelty_order_spread, len(shopper))
    logit -= settings.novelty_decline * np.log(np.maximum(number - 1, 1))
    wanted_new = rng.binomial(lines, 1 / (1 + np.exp(-logit)))

    new = np.zeros_like(lines)
    known = np.zeros_like(lines)
    most = int(products * settings.largest_repertoire)
    known_now = np.zeros(len(shoppers.tenure), dtype=np.int64)
    for order_number in range(1, int(shoppers.tenure.max()) + 1):
        here = np.flatnonzero(shoppers.tenure >= order_number)
        place = visits.first[here] + order_number - 1
        known[place] = known_now[here]
        # Not more old products than there are, not more new ones than a shopper can ever try.
        lines[place] = np.minimum(lines[place], most)
        enough = np.maximum(wanted_new[place], lines[place] - known_now[here])
        enough = np.minimum(enough, lines[place])
        new[place] = np.minimum(enough, most - known_now[here])
        known_now[here] += new[place]
    return LineCounts(new=new, again=lines - new, known=known)

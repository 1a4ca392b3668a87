"""Who shops: how long, how much, how often and with what tastes."""

from dataclasses import dataclass

import numpy as np

from glue.raw.sample_shop.catalogue import Catalogue, Floats, Integers
from glue.raw.sample_shop.settings import ShopSettings


@dataclass(frozen=True)
class Shoppers:
    """One entry for each shopper; user ids are 1..users in this order.

    Attributes
    ----------
    tenure
        Number of orders, int64 [users], 4 to 100.
    is_train
        Whether the basket of the last order is known (train) or not (test), bool [users].
    basket_mean
        Mean number of lines of an order, float64 [users].
    novelty
        Logit of the share of new products in the second order, float64 [users].
    gap_days
        Mean days between orders before the cap, float64 [users].
    favourite_weekday
        0 to 6, int64 [users].
    usual_hour
        Mean hour of day, float64 [users].
    favourite_aisles
        Aisle ids; one that occurs twice counts twice, int64 [users, favourite_aisles].
    """

    tenure: Integers
    is_train: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
    basket_mean: Floats
    novelty: Floats
    gap_days: Floats
    favourite_weekday: Integers
    usual_hour: Floats
    favourite_aisles: Integers


def draw_shoppers(
    users: int, catalogue: Catalogue, settings: ShopSettings, seed: np.random.SeedSequence
) -> Shoppers:
    """Draw so many shoppers, independent of each other except for the exact train share."""
    rng = np.random.default_rng(seed)
    extra = settings.median_extra_orders * rng.lognormal(0, settings.tenure_spread, users)
    tenure = settings.shortest_tenure + np.floor(extra).astype(np.int64)
    tenure = np.minimum(tenure, settings.longest_tenure)

    shape = settings.basket_user_shape
    basket_mean = 1 + (settings.basket_mean - 1) * rng.gamma(shape, 1 / shape, users)

    loyalty = np.log(tenure) - np.log(settings.shortest_tenure + settings.median_extra_orders)
    novelty = settings.novelty_level - settings.novelty_tenure * loyalty
    novelty += rng.normal(0, settings.novelty_user_spread, users)

    pace = rng.lognormal(0, settings.gap_user_spread, users)
    gap_days = pace * settings.gap_days / (tenure + settings.gap_offset)

    weekday_weight = np.ones(7)
    weekday_weight[:2] = settings.first_weekdays
    aisle_share = np.diff(catalogue.aisle_popularity)
    return Shoppers(
        tenure=tenure,
        is_train=rng.permutation(users) < round(users * settings.train_share),
        basket_mean=basket_mean,
        novelty=novelty,
        gap_days=gap_days,
        favourite_weekday=rng.choice(7, users, p=weekday_weight / weekday_weight.sum()),
        usual_hour=rng.normal(settings.hour_mean, settings.hour_user_spread, users),
        favourite_aisles=1
        + rng.choice(len(aisle_share), (users, settings.favourite_aisles), p=aisle_share),
    )

"""When the shoppers come: days between orders, weekday and hour of every order."""

from dataclasses import dataclass

import numpy as np

from glue.raw.sample_shop.catalogue import Integers
from glue.raw.sample_shop.settings import ShopSettings
from glue.raw.sample_shop.shoppers import Shoppers


@dataclass(frozen=True)
class Visits:
    """All orders, shopper by shopper, in the order in which they were placed.

    Attributes
    ----------
    first
        Place of each shopper's first order, and last the number of orders, int64 [users + 1].
    shopper
        Place of the shopper, from 0, int64 [orders].
    number
        order_number, from 1, int64 [orders].
    day
        Days since the shopper's first order, int64 [orders].
    gap
        Days since the prior order, 0 to 30; 0 for a first order, int64 [orders].
    weekday, hour
        0 to 6 and 0 to 23, int64 [orders].
    """

    first: Integers
    shopper: Integers
    number: Integers
    day: Integers
    gap: Integers
    weekday: Integers
    hour: Integers


def plan_visits(shoppers: Shoppers, settings: ShopSettings, seed: np.random.SeedSequence) -> Visits:
    """Draw the calendar of every shopper.

    Intervals are gamma distributed around the shopper's own pace and capped; then some orders move
    to the nearest favourite weekday. The order of a shopper's days never changes.
    """
    rng = np.random.default_rng(seed)
    first = np.concatenate([[0], np.cumsum(shoppers.tenure)])
    shopper = np.repeat(np.arange(len(shoppers.tenure)), shoppers.tenure)
    number = np.arange(first[-1]) - first[shopper] + 1

    scale = shoppers.gap_days[shopper] / settings.gap_shape
    gap = np.rint(rng.gamma(settings.gap_shape, scale)).astype(np.int64)
    # Weekday is day modulo 7, so shoppers start on any of seven days; 30 keeps all days positive.
    starts = number == 1
    gap[starts] = 30 + rng.integers(0, 7, int(starts.sum()))
    day = _cumulative_sum(gap, first)

    ahead = (shoppers.favourite_weekday[shopper] - day + 3) % 7 - 3
    moves = (rng.random(len(day)) < settings.weekday_loyalty) & (gap >= settings.moving_gap)
    day = _cumulative_maximum(day + np.where(moves, ahead, 0), first)

    gap = np.diff(day, prepend=0)
    gap[starts] = 0
    gap = np.minimum(gap, settings.longest_gap)
    hour = shoppers.usual_hour[shopper] + rng.normal(0, settings.hour_order_spread, len(day))
    return Visits(
        first=first,
        shopper=shopper,
        number=number,
        day=_cumulative_sum(gap, first),
        gap=gap,
        weekday=day % 7,
        hour=np.clip(np.rint(hour), 0, 23).astype(np.int64),
    )


def _cumulative_sum(values: Integers, first: Integers) -> Integers:
    """Take the cumulative sum, which starts anew with every shopper."""
    total = np.cumsum(values)
    before = total[first[:-1]] - values[first[:-1]]
    return total - np.repeat(before, np.diff(first))


def _cumulative_maximum(values: Integers, first: Integers) -> Integers:
    """Take the cumulative maximum of values >= 0, which starts anew with every shopper."""
    lift = np.repeat(np.arange(len(first) - 1) * (int(values.max()) + 1), np.diff(first))
    return np.maximum.accumulate(values + lift) - lift

"""The invented catalogue: departments, aisles, product names and how products are bought."""

from dataclasses import dataclass

import numpy as np

from glue.raw.sample_shop.departments import DEPARTMENTS
from glue.raw.sample_shop.product_names import invent_names
from glue.raw.sample_shop.settings import ShopSettings

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Integers = np.ndarray[tuple[int, ...], np.dtype[np.int64]]


@dataclass(frozen=True)
class Catalogue:
    """The products of the shop, grouped by aisle (not in the order of their ids).

    Attributes
    ----------
    departments, aisles
        Names; the id is the place in the list, from 1.
    aisle_department
        Department id of every aisle, int64 [aisles].
    product_id
        A permutation of 1..products, int64 [products].
    product_name
        Unique names as the shop means them (quotes plain), [products].
    product_aisle
        Aisle id, ascending, int64 [products].
    popularity
        Running share of first purchases, float64 [products], last value 1.
    aisle_popularity
        Bounds of the aisles within the running share: aisle id a has
        ``aisle_popularity[a - 1]`` to ``aisle_popularity[a]``, float64 [aisles + 1].
    repeat_level
        Log weight of being bought again, float64 [products].
    cycle_days
        Days until the product is used up, float64 [products].
    """

    departments: list[str]
    aisles: list[str]
    aisle_department: Integers
    product_id: Integers
    product_name: list[str]
    product_aisle: Integers
    popularity: Floats
    aisle_popularity: Floats
    repeat_level: Floats
    cycle_days: Floats


def catalogue_size(users: int, settings: ShopSettings) -> int:
    """Give the number of products of a shop with so many shoppers, at most ``full_products``."""
    size = min(1.0, users / settings.full_users)
    return round(settings.full_products * float(size**settings.catalogue_growth))


def make_catalogue(
    products: int, settings: ShopSettings, seed: np.random.SeedSequence
) -> Catalogue:
    """Invent a catalogue of so many products (at least one for each aisle).

    Popularity follows the Zipf-Mandelbrot law (Mandelbrot, An informational theory of the
    statistical structure of language, 1953).
    """
    rng = np.random.default_rng(seed)
    aisles = [(name, number) for number, d in enumerate(DEPARTMENTS, 1) for name in d.aisles]
    # Aisle ids in random order: in real files they do not run along the departments.
    aisles = [aisles[place] for place in rng.permutation(len(aisles))]
    nouns = {name: words for d in DEPARTMENTS for name, words in d.aisles.items()}
    product_aisle = _fill_aisles(products, len(aisles), settings, rng)
    names = invent_names(product_aisle, [nouns[name] for name, _ in aisles], rng)

    rank = rng.permutation(products) + 1
    weight = (rank + settings.popularity_shift) ** -settings.popularity_exponent
    popularity = np.cumsum(weight / weight.sum())
    popularity[-1] = 1.0
    bounds = np.searchsorted(product_aisle, np.arange(1, len(aisles) + 1), side="right")

    department_level = np.array([DEPARTMENTS[number - 1].repeat_level for _, number in aisles])
    aisle_level = department_level + rng.normal(0, settings.aisle_repeat_spread, len(aisles))
    log_rank = np.log(rank)
    repeat_level = (
        aisle_level[product_aisle - 1]
        + rng.normal(0, settings.product_repeat_spread, products)
        - settings.popular_repeat_gain * (log_rank - log_rank.mean())
    )
    cycle_spread = rng.normal(0, settings.product_cycle_spread, products)
    return Catalogue(
        departments=[department.name for department in DEPARTMENTS],
        aisles=[name for name, _ in aisles],
        aisle_department=np.array([number for _, number in aisles]),
        product_id=rng.permutation(products) + 1,
        product_name=names,
        product_aisle=product_aisle,
        popularity=popularity,
        aisle_popularity=np.concatenate([[0.0], popularity[bounds - 1]]),
        repeat_level=repeat_level,
        cycle_days=settings.product_cycle_days * np.exp(cycle_spread),
    )


def _fill_aisles(
    products: int, aisles: int, settings: ShopSettings, rng: np.random.Generator
) -> Integers:
    """Aisle id of every product, ascending; every aisle gets one product at least."""
    size = rng.lognormal(0, settings.aisle_size_spread, aisles)
    size = np.minimum(size, 4 * size.mean())  # no aisle outgrows its supply of names
    drawn = rng.choice(aisles, products - aisles, p=size / size.sum())
    return np.sort(np.concatenate([np.arange(aisles), drawn])) + 1

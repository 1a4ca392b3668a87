"""Invented product names: a brand, a quality, a noun of the aisle and sometimes an ending."""

import numpy as np

Integers = np.ndarray[tuple[int, ...], np.dtype[np.int64]]

BRANDS = """
Fennbrook Oakmere Larkhill Brambleton Hazelcroft Willowby Thornbeck Merrivale Stonefield Quillhaven
Ashgrove Dunmarsh Elderwick Foxley Greystead Hollowdale Ivyreach Juniperton Kestrelby Lindenau
Mossbridge Nettlecombe Otterburn Pebbleton Ravenscar Saltmere Tillingford Underhill Vinterby
Wrenfold Yarrowgate Zephyrine Brüggenhof Fjellgard Senalba Coteline Pohjara Zlotolas Camlara
Islendal Dayspring Suncroft Bluetide Goldfurrow Harborline Nightjar Redlatch Silverpan
"""

QUALITIES = """
Organic, Natural, Classic, Original, Premium, Farmhouse, Homestyle, Old-Fashioned, Everyday, Fresh,
Whole, Mild, Bold, Light, Low Sodium, Unsweetened, Extra, Golden, Rustic, Country, Fine, Simple,
Reduced Fat, Handmade, Small Batch, Slow, Sunny, Winter, Summer, Harvest, Coastal, Mountain,
Traditional, Family, Chef's, Grandma's
"""

# What follows a name, and how often. Every ending occurs at least once in every catalogue, so that
# commas, quotes, backslashes, accents and other scripts are always there to be read right.
ENDINGS = {
    "": 0.87,
    ", Family Size": 0.025,
    ", 12 Count": 0.02,
    ", Salted, Unsalted & Mixed": 0.01,
    " with Honey": 0.02,
    " with Jalapeño": 0.01,
    " à la Crème": 0.01,
    " & Sea Salt": 0.02,
    ' 6" Pack': 0.002,
    ' 9"x13"': 0.001,
    ' "Sunday Best"': 0.002,
    ', "Extra", Large': 0.001,
    " 50\\50": 0.001,
    " Żółty Ser": 0.001,
    " 北の味": 0.001,
    " Вкусно": 0.001,
    " Ελληνικό": 0.001,
    " स्वाद": 0.001,
    " طازج": 0.001,
}


def invent_names(
    product_aisle: Integers, nouns: list[tuple[str, str]], rng: np.random.Generator
) -> list[str]:
    """Invent unique names.

    Parameters
    ----------
    product_aisle
        Aisle id of every product, ascending, int64 [products].
    nouns
        The nouns of every aisle; no noun is used in two aisles.
    rng
        Source of chance.

    Raises
    ------
    ValueError
        If an aisle holds more products than there are names for it (about 3,500).
    """
    brands = BRANDS.split()
    qualities = [quality.strip() for quality in QUALITIES.split(",")]
    endings = list(ENDINGS)
    weight = np.array(list(ENDINGS.values()))
    ending = rng.choice(len(endings), len(product_aisle), p=weight / weight.sum())
    ending[rng.permutation(len(ending))[: len(endings)]] = np.arange(len(endings))

    names: list[str] = []
    for aisle_nouns, count in zip(nouns, np.bincount(product_aisle)[1:], strict=True):
        shape = (len(brands), len(qualities), len(aisle_nouns))
        code = rng.choice(int(np.prod(shape)), count, replace=False)
        for brand, quality, noun in zip(*np.unravel_index(code, shape), strict=True):
            tail = endings[ending[len(names)]]
            names.append(f"{brands[brand]} {qualities[quality]} {aisle_nouns[noun]}{tail}")
    return names

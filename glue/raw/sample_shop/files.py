"""The six files of a shop, in the formats of the Instacart 2017 files."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from errno import ENOTDIR
from pathlib import Path
from typing import BinaryIO

import numpy as np
import polars as pl

from glue.raw.sample_shop.catalogue import Catalogue, Integers
from glue.raw.sample_shop.simulation import Shop
from ml.tools.atomic_files import file_aside
from ml.tools.progress import StepMaker, silent_step

FILE_NAMES = (
    "aisles.csv",
    "departments.csv",
    "order_products__prior.csv",
    "order_products__train.csv",
    "orders.csv",
    "products.csv",
)

# Orders written at a time: about a million lines, some 30 MB.
CHUNK_ORDERS = 100_000


class ShopExistsError(Exception):
    """The folder holds files of a shop already."""


def prepare_folder(folder: Path) -> None:
    """Make the folder if it is missing.

    Raises
    ------
    ShopExistsError
        If the folder holds any of the six files.
    OSError
        If the folder cannot be made.
    """
    present = [name for name in FILE_NAMES if (folder / name).exists()]
    if present:
        raise ShopExistsError(
            f"{folder} already holds {', '.join(present)}: choose another folder or remove these "
            "files first."
        )
    if folder.is_file():
        raise NotADirectoryError(ENOTDIR, "it is a file, not a folder")
    folder.mkdir(parents=True, exist_ok=True)


def write_shop(shop: Shop, folder: Path, step: StepMaker = silent_step) -> None:
    """Write the six files; they get their names only when all of them are complete.

    Raises
    ------
    ShopExistsError
        If the folder holds any of the six files.
    OSError
        If the folder cannot be made or written to.
    """
    prepare_folder(folder)
    visits, shoppers = shop.plan.visits, shop.plan.shoppers
    is_last = visits.number == shoppers.tenure[visits.shopper]
    by_id = np.argsort(shop.order_id)
    frames = {
        "aisles.csv": iter([_named("aisle", shop.plan.catalogue.aisles)]),
        "departments.csv": iter([_named("department", shop.plan.catalogue.departments)]),
        "order_products__prior.csv": _line_frames(shop, by_id[~is_last[by_id]]),
        "order_products__train.csv": _line_frames(shop, by_id[is_last[by_id]]),
        "orders.csv": _order_frames(shop),
    }
    with ExitStack() as renamed, step("Writing files", len(FILE_NAMES)) as advance:
        aside = {name: renamed.enter_context(file_aside(folder / name)) for name in FILE_NAMES}
        with aside["products.csv"].open("wb") as file:
            _write_products(shop.plan.catalogue, file)
        advance(1)
        for name, parts in frames.items():
            with aside[name].open("wb") as file:
                for number, frame in enumerate(parts):
                    frame.write_csv(file, include_header=number == 0)
            advance(1)


def _named(column: str, names: Sequence[str]) -> pl.DataFrame:
    return pl.DataFrame({f"{column}_id": range(1, len(names) + 1), column: names})


def _write_products(catalogue: Catalogue, file: BinaryIO) -> None:
    """Write products.csv by hand: quotes are written as a backslash and two quotes."""
    file.write(b"product_id,product_name,aisle_id,department_id\n")
    for place in np.argsort(catalogue.product_id):
        name = catalogue.product_name[place]
        if "," in name or '"' in name:
            name = '"' + name.replace('"', '\\""') + '"'
        aisle = catalogue.product_aisle[place]
        department = catalogue.aisle_department[aisle - 1]
        file.write(f"{catalogue.product_id[place]},{name},{aisle},{department}\n".encode())


def _order_frames(shop: Shop) -> Iterator[pl.DataFrame]:
    """Rows of orders.csv, by user_id and order_number."""
    visits, shoppers = shop.plan.visits, shop.plan.shoppers
    for start in range(0, len(visits.number), CHUNK_ORDERS):
        part = slice(start, start + CHUNK_ORDERS)
        shopper, number = visits.shopper[part], visits.number[part]
        last_kind = np.where(shoppers.is_train[shopper], "train", "test")
        days = pl.Series(visits.gap[part], dtype=pl.Float64)
        yield pl.DataFrame(
            {
                "order_id": shop.order_id[part],
                "user_id": shopper + 1,
                "eval_set": np.where(number == shoppers.tenure[shopper], last_kind, "prior"),
                "order_number": number,
                "order_dow": visits.weekday[part],
                "order_hour_of_day": pl.Series(visits.hour[part]).cast(pl.String).str.zfill(2),
                "days_since_prior_order": days.set(pl.Series(number == 1), None),
            }
        )


def _line_frames(shop: Shop, orders: Integers) -> Iterator[pl.DataFrame]:
    """Lines of the given orders (places in Visits); one frame at least, for the header.

    Test orders hold no lines, so the last orders give those of the train orders.
    """
    product_id = shop.plan.catalogue.product_id
    for start in range(0, max(len(orders), 1), CHUNK_ORDERS):
        part = orders[start : start + CHUNK_ORDERS]
        sizes = shop.lines[part]
        place_in_cart = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        line = np.repeat(shop.first_line[part], sizes) + place_in_cart
        yield pl.DataFrame(
            {
                "order_id": np.repeat(shop.order_id[part], sizes),
                "product_id": product_id[shop.product[line]],
                "add_to_cart_order": place_in_cart + 1,
                "reordered": shop.reordered[line].astype(np.int8),
            }
        )

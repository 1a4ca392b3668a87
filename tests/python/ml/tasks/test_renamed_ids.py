"""How a shop gives its ids is no matter: what models read and who is held out stay the same."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ml.data.categories import CATEGORIES
from ml.data.contract import feature_names
from ml.data.reading import DataFolder, open_data
from ml.fitting.boosting import Examples
from ml.tasks.buy_again.judged_orders import choose_judged_orders
from ml.tasks.discovery.candidates import FEATURES, WindowCandidates
from ml.tasks.discovery.model import labelled_candidates
from tests.python.ml.task_runs import copy_data

ROOMS = ("aisle_id", "department_id", *CATEGORIES)
KEYS = ("user_id", "product_id", "neighbour_id", "together_with_product_id", "order_id")
SORTED_BY_AISLE = ("orders_back", "user_id", "aisle_id")


@pytest.fixture(scope="module")
def renamed(data: Path, tmp_path_factory: pytest.TempPathFactory) -> DataFolder:
    """
    Copy the shop under other ids.

    Aisles and departments are numbered anew, beyond 2^32 and in another order. Users, products and
    orders keep their order; their ids differ by less than a double can tell.
    """
    copied = copy_data(data, tmp_path_factory.mktemp("renamed") / "data")
    factors = {**dict.fromkeys(ROOMS, -4_294_967_311), **dict.fromkeys(KEYS, 1)}

    def rename_all(table: pl.DataFrame) -> pl.DataFrame:
        there = [name for name in factors if name in table.columns]
        return table.with_columns(
            (pl.col(name).cast(pl.Int64) * factors[name] + 2**62).cast(table.schema[name])
            for name in there
        )

    for file in copied.parent.glob("*.parquet"):
        table = rename_all(pl.read_parquet(file))
        keys = [name for name in SORTED_BY_AISLE if name in table.columns]
        (table.sort(keys) if len(keys) == 3 else table).write_parquet(file)
    rows = rename_all(pl.read_csv(copied, infer_schema=False))
    rows.write_csv(copied, quote_style="never")
    return open_data(copied)


def examples(folder: DataFolder, scratch: Path) -> Examples:
    scratch.mkdir()
    rows = folder.candidates("labelled", scratch)
    return choose_judged_orders(folder, rows).examples(rows)


def test_buy_again_is_fitted_on_the_same(data: Path, renamed: DataFolder, tmp_path: Path) -> None:
    shop = open_data(data)
    before = examples(shop, tmp_path / "before")
    after = examples(renamed, tmp_path / "after")
    names = feature_names(shop.contract, "order-start")
    assert set(CATEGORIES) <= set(names)
    assert before.features.table(names) == after.features.table(names)
    for one in ("label", "shopper", "fold", "is_judged"):
        np.testing.assert_array_equal(getattr(before, one), getattr(after, one))
    # ids are given from 1 here, so that shoppers' numbers are their ids
    assert set(before.shopper) <= set(shop.targets["user_id"])


def test_discovery_is_fitted_on_the_same(data: Path, renamed: DataFolder) -> None:
    before, after = (
        labelled_candidates(shop, WindowCandidates(shop, 1)) for shop in (open_data(data), renamed)
    )
    kept = [*FEATURES, "label"]
    assert before.height > 1_000
    assert before.select(kept).equals(after.select(kept))
    assert (before["product_id"] + 2**62).equals(after["product_id"])

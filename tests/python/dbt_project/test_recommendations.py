"""Old recommendations never stop the build that leads to new ones."""

import shutil
from pathlib import Path

import polars as pl
import pytest

from tests.python.dbt_runs import Workspace, dbt, make_workspace, query
from tests.python.invented_predictions import predictions

GOOD = predictions({})
OF_A_GONE_PRODUCT = predictions({"product_id": 999, "rank": 2})
OF_A_GONE_SHOPPER = predictions({"user_id": 77})
OF_ANOTHER_TASK = predictions({"task": "buy-again", "user_id": 77})
USELESS = (
    "The 2 recommendations of the last prediction are for shoppers or products that the raw files"
    " do not hold, or are incomplete: they count as none until"
)
DAMAGED = "latest/discovery.parquet is damaged, or of another version: it counts as none until"


@pytest.fixture(scope="module")
def shop(built_tiny_shop: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Give a copy of the built tiny shop."""
    shop = make_workspace(tmp_path_factory.mktemp("shop"), built_tiny_shop.raw)
    shutil.copytree(built_tiny_shop.lake, shop.lake, dirs_exist_ok=True)
    (shop.lake / "predictions" / "latest").mkdir(parents=True)
    return shop


def write(rows: pl.DataFrame, file: Path) -> None:
    """Write recommendations."""
    rows.write_parquet(file)


def write_half(_rows: pl.DataFrame, file: Path) -> None:
    """Write what is left of a copy that broke off."""
    write(GOOD, file)
    file.write_bytes(file.read_bytes()[:-40])


@pytest.mark.parametrize(
    ("rows", "writer", "said", "kept"),
    [
        pytest.param(GOOD, write, None, 1, id="good"),
        pytest.param(pl.concat([GOOD, OF_ANOTHER_TASK]), write, None, 1, id="other-task"),
        pytest.param(
            pl.concat([GOOD, OF_A_GONE_PRODUCT]), write, USELESS, 0, id="product-that-is-gone"
        ),
        pytest.param(
            pl.concat([GOOD, OF_A_GONE_SHOPPER]), write, USELESS, 0, id="shopper-that-is-gone"
        ),
        pytest.param(GOOD, write_half, DAMAGED, 0, id="broken-off"),
        pytest.param(GOOD.drop("reason"), write, DAMAGED, 0, id="older-version"),
    ],
)
def test_recommendations_are_all_taken_or_none(
    shop: Workspace, rows: pl.DataFrame, writer: object, said: str | None, kept: int
) -> None:
    assert callable(writer)
    writer(rows, shop.lake / "predictions" / "latest" / "discovery.parquet")
    printed = dbt(shop, "build", "--select", "stg_recommendations", "source:predictions")
    for sentence in (USELESS, DAMAGED):
        assert printed.count(sentence) == (sentence == said), printed
    assert query(shop, "select count(*) from stg_recommendations") == [(kept,)]

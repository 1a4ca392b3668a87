"""Old recommendations never stop the build that leads to new ones."""

import shutil
from pathlib import Path

import polars as pl
import pytest

from tests.python.dbt_runs import Workspace, dbt, make_workspace, query

COLUMNS = {
    "user_id": pl.Int64,
    "rank": pl.Int32,
    "product_id": pl.Int64,
    "score": pl.Float64,
    "reason": pl.String,
    "model_version": pl.String,
    "predicted_at": pl.String,
}
GOOD = pl.DataFrame(
    [(1, 1, 400, 0.5, "popular", "run", "2026-01-31T08:00:00Z")], schema=COLUMNS, orient="row"
)
USELESS = (
    "The 2 recommendations of the last prediction are for shoppers or products that the raw files"
    " do not hold, or are incomplete: they count as none until"
)
DAMAGED = "recommendations.parquet is damaged, or of another version: it counts as none until"


@pytest.fixture(scope="module")
def shop(built_tiny_shop: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Give a copy of the built tiny shop."""
    shop = make_workspace(tmp_path_factory.mktemp("shop"), built_tiny_shop.raw)
    shutil.copytree(built_tiny_shop.lake, shop.lake, dirs_exist_ok=True)
    (shop.lake / "predictions").mkdir()
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
        pytest.param(
            pl.concat(
                [
                    GOOD,
                    GOOD.with_columns(product_id=pl.lit(999, pl.Int64), rank=pl.lit(2, pl.Int32)),
                ]
            ),
            write,
            USELESS,
            0,
            id="product-that-is-gone",
        ),
        pytest.param(
            pl.concat([GOOD, GOOD.with_columns(user_id=pl.lit(77, pl.Int64))]),
            write,
            USELESS,
            0,
            id="shopper-that-is-gone",
        ),
        pytest.param(GOOD, write_half, DAMAGED, 0, id="broken-off"),
        pytest.param(GOOD.drop("reason"), write, DAMAGED, 0, id="older-version"),
    ],
)
def test_recommendations_are_all_taken_or_none(
    shop: Workspace, rows: pl.DataFrame, writer: object, said: str | None, kept: int
) -> None:
    assert callable(writer)
    writer(rows, shop.lake / "predictions" / "recommendations.parquet")
    printed = dbt(shop, "build", "--select", "stg_recommendations", "source:predictions")
    for sentence in (USELESS, DAMAGED):
        assert printed.count(sentence) == (sentence == said), printed
    assert query(shop, "select count(*) from stg_recommendations") == [(kept,)]

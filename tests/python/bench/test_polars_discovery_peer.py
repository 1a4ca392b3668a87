"""The Polars script makes the tables of discovery, and a comparison that finds every difference."""

from pathlib import Path

import click
import polars as pl
import pytest
from click.testing import CliRunner

from bench import polars_shop
from bench.polars_discovery_peer import main
from bench.same_tables import DISCOVERY_TABLES, check_same_tables
from tests.python.dbt_project.shop_builds import build_small_shop
from tests.python.dbt_runs import Workspace
from tests.python.tiny_shop import write_uneven_shop


@pytest.fixture(scope="module")
def small_shop(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Build an invented shop of 40 shoppers."""
    return build_small_shop(tmp_path_factory)


def run(raw: Path, out: Path) -> Path:
    result = CliRunner().invoke(main, [str(raw), str(out)])
    assert result.exit_code == 0, result.output
    return out


def compare(shop: Workspace, folder: Path) -> int:
    return check_same_tables(shop.lake / "lake.duckdb", folder, DISCOVERY_TABLES)


@pytest.mark.parametrize("lines", [500, 500_000])
def test_small_shop(
    small_shop: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: int
) -> None:
    monkeypatch.setattr(polars_shop, "LINES_PER_PIECE", lines)
    assert compare(small_shop, run(small_shop.raw, tmp_path)) > 50_000


def test_differences_are_found(small_shop: Workspace, tmp_path: Path) -> None:
    file = run(small_shop.raw, tmp_path) / "product_neighbours.parquet"
    rows = pl.read_parquet(file)
    third = pl.col("lift") * pl.when(pl.int_range(pl.len()) == 2).then(1 + 1e-15).otherwise(1.0)
    for changed, said in (
        (rows.with_columns(third), r"product_neighbours differs in lift, in 1 of \d+ rows"),
        (rows.slice(1), "product_neighbours differs in confidence, in 1 of"),
        (rows.drop("lift"), "The columns of product_neighbours differ"),
    ):
        changed.write_parquet(file)
        with pytest.raises(click.ClickException, match=said):
            compare(small_shop, tmp_path)


def test_a_shopper_without_history_is_offered_what_is_popular(tmp_path: Path) -> None:
    write_uneven_shop(tmp_path)
    tables = run(tmp_path, tmp_path / "tables")
    rows = pl.read_parquet(tables / "discovery_candidates").filter(pl.col("user_id").is_in([4, 5]))
    assert rows.select("user_id", "product_id").rows() == [
        (user, product) for user in (4, 5) for product in (100, 200, 300, 400)
    ]
    assert rows["together_score"].null_count() == rows.height

"""A mart that lost a window fails the tests that hold the marts against each other."""

import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.python.dbt_runs import BUILD_UNTESTED, Workspace, dbt, make_workspace, query

TOTALS = "mart_totals_agree"
PAIRS = "every_pair_with_a_target_is_a_candidate"
REORDERED = "stg_order_products_reordered_agrees_with_history"
WINDOWS = {"windows": 2}


@pytest.fixture(scope="module")
def two_windows(tiny_raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Give the tiny shop with two windows, which tests change and put right again."""
    shop = make_workspace(tmp_path_factory.mktemp("marts-agree"), tiny_raw)
    dbt(shop, *BUILD_UNTESTED, variables=WINDOWS)
    return shop


@pytest.fixture
def shop(two_windows: Workspace) -> Iterator[Workspace]:
    """Give it, and put back the views that a test has replaced."""
    views = query(
        two_windows,
        "select sql from duckdb_views() where schema_name = 'next_basket' and not internal",
    )
    yield two_windows
    with duckdb.connect(two_windows.lake / "lake.duckdb") as lake:
        for (sql,) in views:
            lake.execute(sql.replace("CREATE VIEW", "CREATE OR REPLACE VIEW", 1))


def keep_only(shop: Workspace, mart: str, condition: str) -> None:
    """Leave out of a mart what does not fulfil a condition."""
    with duckdb.connect(shop.lake / "lake.duckdb") as lake:
        lake.execute("create schema if not exists kept")
        lake.execute(
            f"create or replace table kept.{mart} as from next_basket.{mart} where {condition}"
        )
        lake.execute(f"create or replace view next_basket.{mart} as from kept.{mart}")


@pytest.mark.parametrize(
    ("mart", "condition", "failing"),
    [
        pytest.param("up_features", "true", set(), id="all-is-there"),
        pytest.param("up_features", "orders_back <> 1", {TOTALS, PAIRS, REORDERED}, id="pairs"),
        pytest.param("up_features", "false", {TOTALS, PAIRS, REORDERED}, id="all-pairs"),
        pytest.param("user_features", "orders_back <> 1", {TOTALS}, id="users"),
        pytest.param("prd_features", "orders_back <> 0", {TOTALS}, id="products"),
        pytest.param("candidates", "orders_back <> 1", {PAIRS}, id="candidates"),
    ],
)
def test_a_mart_without_a_window_fails(
    shop: Workspace, mart: str, condition: str, failing: set[str]
) -> None:
    assert query(shop, f"select count(distinct orders_back) from {mart}") == [(2,)]
    keep_only(shop, mart, condition)
    names = (TOTALS, PAIRS, REORDERED)
    dbt(shop, "test", "--select", *names, variables=WINDOWS, fails=bool(failing))
    results = json.loads((shop.target / "run_results.json").read_text(encoding="utf-8"))["results"]
    statuses = {result["unique_id"].split(".")[2]: result["status"] for result in results}
    assert set(names) <= set(statuses)
    assert {name for name in names if statuses[name] == "fail"} == failing

"""
Every analysis compiles, runs on the tiny shop's lake, and gives figures worked out by hand.

The lines of the tiny shop's histories, as product @ cart position, `+` for reordered:

    shopper 1   order 11, number 1          100 @ 1     200 @ 2
                order 12, number 2          100 @ 1 +   300 @ 2
                order 13, number 3          300 @ 1 +   100 @ 2 +   200 @ 3 +
    shopper 2   order 21, number 1          100 @ 1
                order 22, number 2          400 @ 1     100 @ 2 +
    shopper 3   order 31, number 1          200 @ 1

6 orders, 11 lines, 5 reorders; product 100 in 5 orders, 200 in 3, 300 in 2, 400 in 1. After them
come the train orders 14 (100 +, 400) and 32 (no line), and the test order 23.

Some of them had been predicted, by two runs of discovery (OF_TINY_SHOP).
"""

import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from tests.python.dbt_runs import BUILD_UNTESTED, ROOT, Workspace, dbt, make_workspace, query
from tests.python.invented_predictions import OF_TINY_SHOP, publish

ANALYSES = sorted(path.stem for path in (ROOT / "analyses").glob("*.sql"))
SEEDS = sorted(path.stem for path in (ROOT / "seeds").glob("*.csv"))
Row = dict[str, Any]


@dataclass(frozen=True)
class Result:
    """What an analysis returned: its columns with the types of their values, and its rows."""

    types: dict[str, str]
    rows: list[Row]


# For each analysis some rows of its result: what identifies the row, then the other columns.
FIGURES: dict[str, list[tuple[Row, Row]]] = {
    "hits_of_predictions": [
        # of order 22 run a listed 300, which it does not hold; order 13 is judged by run b
        (
            {"task": "discovery", "run": "a"},
            {
                "week_start": None,
                "orders": 1,
                "orders_with_hit": 0,
                "hit_rate": 0 / 1,
                "products": 1,
                "bought": 0,
                "precision_at_10": 0 / 1,
            },
        ),
        # order 13 holds 200 and not 400; order 32 has no line, order 24 was not made
        (
            {"task": "discovery", "run": "b"},
            {
                "week_start": None,
                "orders": 1,
                "orders_with_hit": 1,
                "hit_rate": 1 / 1,
                "products": 2,
                "bought": 1,
                "precision_at_10": 1 / 2,
            },
        ),
    ],
    "concentration_of_sales": [
        # 1 % of 4 products is 0.04, rounded up 1: product 100, 5 of 11 lines, 3 of 5 reorders
        (
            {"top_percent": 1},
            {"products": 1, "order_lines": 5, "line_share": 5 / 11, "reorder_share": 3 / 5},
        ),
        # 50 % of 4 products are 2: 100 and 200, 5 + 3 lines, 3 + 1 reorders
        (
            {"top_percent": 50},
            {"products": 2, "order_lines": 8, "line_share": 8 / 11, "reorder_share": 4 / 5},
        ),
    ],
    "loyalty_of_aisles": [
        # product 200 in orders 11, 13 (reordered) and 31: of shoppers 1 and 3 only 1 came twice
        (
            {"aisle_id": 2},
            {
                "aisle_name": "bread",
                "order_lines": 3,
                "reorders": 1,
                "reorder_ratio": 1 / 3,
                "buyers": 2,
                "returning_buyers": 1,
                "returning_buyer_ratio": 1 / 2,
            },
        ),
    ],
    "new_products_by_order_number": [
        # orders 12 and 22: 2 + 2 lines, of which 300 and 400 are new
        (
            {"order_number": 2},
            {
                "orders": 2,
                "order_lines": 4,
                "new_products": 2,
                "new_product_ratio": 2 / 4,
                "mean_new_products": 2 / 2,
            },
        ),
        # order 13: three reorders
        (
            {"order_number": 3},
            {
                "orders": 1,
                "order_lines": 3,
                "new_products": 0,
                "new_product_ratio": 0.0,
                "mean_new_products": 0.0,
            },
        ),
    ],
    "orders_by_eval_set": [
        # orders 14, with 2 lines, and 32, with none
        (
            {"eval_set": "train"},
            {
                "meaning": "order to predict with a known basket",
                "shoppers": 2,
                "orders": 2,
                "baskets": 1,
                "order_lines": 2,
                "mean_basket": 2.0,
                "has_basket": True,
            },
        ),
        # order 23
        (
            {"eval_set": "test"},
            {
                "meaning": "order to predict with a basket that is not known",
                "shoppers": 1,
                "orders": 1,
                "baskets": 0,
                "order_lines": 0,
                "mean_basket": None,
                "has_basket": False,
            },
        ),
    ],
    "orders_by_weekday_and_part_of_day": [
        # day 1, hour 9: order 12 of all 9 orders, 100 reordered and 300 new
        (
            {"order_dow": 1, "part_of_day": "morning"},
            {
                "weekday": "Sunday",
                "first_hour": 9,
                "orders": 1,
                "order_share": 1 / 9,
                "order_lines": 2,
                "reorders": 1,
                "reorder_ratio": 1 / 2,
            },
        ),
        # day 6, hour 14: order 23, whose basket is not known
        (
            {"order_dow": 6, "part_of_day": "afternoon"},
            {
                "weekday": "Friday",
                "first_hour": 14,
                "orders": 1,
                "order_share": 1 / 9,
                "order_lines": 0,
                "reorders": 0,
                "reorder_ratio": None,
            },
        ),
    ],
    "products_bought_together": [
        # 100 and 200 are together in orders 11 and 13, both of shopper 1: support 2 of 6 orders,
        # confidence 2 of 5 and 2 of 3, lift (2/6) / (5/6 x 3/6) = 2 x 6 / (5 x 3)
        (
            {"product_id": 100, "other_product_id": 200},
            {
                "product_name": "Oat Drink",
                "other_product_name": 'Bread, Rye, 9" Loaf',
                "shoppers": 1,
                "orders_together": 2,
                "pair_support": 2 / 6,
                "confidence": 2 / 5,
                "other_confidence": 2 / 3,
                "lift": 12 / 15,
            },
        ),
    ],
    "reorder_ratio_by_cart_position": [
        # orders 12, 13 and 22 are not first orders: 100 +, 300 + and 400 at position 1
        ({"cart_position": 1}, {"order_lines": 3, "reorders": 2, "reorder_ratio": 2 / 3}),
        # 200 + of order 13
        ({"cart_position": 3}, {"order_lines": 1, "reorders": 1, "reorder_ratio": 1 / 1}),
    ],
    "shoppers_by_tenure": [
        # shoppers with 3, 2 and 1 orders: 7 + 30 and 14 days in 2 + 1 + 0 intervals
        (
            {"fewest_orders": 1},
            {
                "shoppers": 3,
                "shopper_share": 3 / 3,
                "orders": 6,
                "order_share": 6 / 6,
                "mean_days_between_orders": 51 / 3,
                "mean_basket": 11 / 6,
                "reorder_ratio": 5 / 11,
            },
        ),
    ],
}


@pytest.fixture(scope="module")
def shop(built_tiny_shop: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Give a copy of the built tiny shop with predictions."""
    folder = tmp_path_factory.mktemp("shop")
    shop = make_workspace(folder, built_tiny_shop.raw)
    shutil.copytree(built_tiny_shop.lake, shop.lake, dirs_exist_ok=True)
    publish(shop.lake, OF_TINY_SHOP, folder)
    dbt(shop, "show", "--inline", "select 1 as one")
    return shop


@pytest.fixture(scope="module")
def compiled(
    built_tiny_shop: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """Give the SQL of each analysis as `dbt compile` renders it for the tiny shop's lake."""
    target = tmp_path_factory.mktemp("compiled-analyses")
    dbt(replace(built_tiny_shop, target=target), "compile", "--select", "resource_type:analysis")
    folder = target / "compiled" / "next_basket" / "analyses"
    return {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.sql")}


@pytest.fixture(scope="module")
def two_windows(tiny_raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Build the tiny shop's seeds and models with two windows."""
    folder = tmp_path_factory.mktemp("two-windows")
    workspace = make_workspace(folder, tiny_raw)
    publish(workspace.lake, OF_TINY_SHOP, folder)
    dbt(workspace, *BUILD_UNTESTED, variables={"windows": 2})
    return workspace


@pytest.fixture(scope="module")
def documented() -> dict[str, dict[str, str]]:
    """Give the columns and types that analyses.yml promises for each analysis."""
    text = (ROOT / "analyses" / "analyses.yml").read_text(encoding="utf-8")
    return {
        analysis["name"]: {column["name"]: column["data_type"] for column in analysis["columns"]}
        for analysis in yaml.safe_load(text)["analyses"]
    }


def run(workspace: Workspace, sql: str) -> Result:
    with duckdb.connect(workspace.lake / "lake.duckdb", read_only=True) as connection:
        relation = connection.sql(sql)
        types = {
            name: str(data_type).lower()
            for name, data_type in zip(relation.columns, relation.types, strict=True)
        }
        rows = [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]
    return Result(types, rows)


def test_every_analysis_is_compiled_documented_and_has_a_figure(
    compiled: dict[str, str], documented: dict[str, dict[str, str]]
) -> None:
    assert len(ANALYSES) >= 7
    assert sorted(compiled) == ANALYSES
    assert sorted(documented) == ANALYSES
    assert sorted(FIGURES) == ANALYSES


@pytest.mark.parametrize("name", ANALYSES)
def test_figures_are_those_worked_out_by_hand(
    shop: Workspace, compiled: dict[str, str], name: str
) -> None:
    result = run(shop, compiled[name])
    for key, figures in FIGURES[name]:
        rows = [row for row in result.rows if key.items() <= row.items()]
        assert rows == [key | figures]


def test_an_order_without_an_hour_counts_in_its_weekday(
    shop: Workspace, compiled: dict[str, str]
) -> None:
    """Order 13, of three lines that are all reorders, is made one whose hour nobody knows."""
    table = '"lake"."next_basket"."stg_orders"'
    hours = "case when order_id <> 13 then order_hour_of_day end as order_hour_of_day"
    sql = compiled["orders_by_weekday_and_part_of_day"]
    assert sql.count(table) == 1
    rows = run(shop, sql.replace(table, f"(select * replace ({hours}) from {table})")).rows
    ((weekday, all_orders),) = query(
        shop, "select max(order_dow) filter (order_id = 13), count(*) from stg_orders"
    )
    assert sum(row["orders"] for row in rows) == all_orders
    (unknown,) = (row for row in rows if row["part_of_day"] == "unknown")
    found = unknown["order_dow"], unknown["first_hour"], unknown["orders"]
    assert found == (weekday, None, 1)
    assert (unknown["order_lines"], unknown["reorders"]) == (3, 3)


@pytest.mark.parametrize("name", ANALYSES)
def test_columns_are_those_documented(
    shop: Workspace,
    compiled: dict[str, str],
    documented: dict[str, dict[str, str]],
    name: str,
) -> None:
    result = run(shop, compiled[name])
    # as lists, because the order counts too
    assert list(result.types.items()) == list(documented[name].items())


@pytest.mark.parametrize("name", ANALYSES)
def test_the_first_line_asks_the_question(compiled: dict[str, str], name: str) -> None:
    source = (ROOT / "analyses" / f"{name}.sql").read_text(encoding="utf-8")
    question = source.splitlines()[0]
    assert re.fullmatch(r"-- [A-Z].*\?", question)
    assert compiled[name].startswith(question)


@pytest.mark.parametrize("name", ANALYSES)
def test_rows_are_ordered_by_a_unique_key(
    shop: Workspace, compiled: dict[str, str], name: str
) -> None:
    ordered = re.search(
        r"select \* from final\norder by ([a-z_, ]+)(?:\nlimit \d+)?$", compiled[name]
    )
    assert ordered
    names = [part.split()[0] for part in ordered[1].split(", ")]
    rows = run(shop, compiled[name]).rows
    keys = [tuple(row[name] for name in names) for row in rows]
    assert keys
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("name", ANALYSES)
def test_more_windows_change_no_analysis(
    shop: Workspace, two_windows: Workspace, compiled: dict[str, str], name: str
) -> None:
    """The marts hold every window; an analysis that reads them all counts orders twice."""
    assert query(two_windows, "select max(orders_back) from user_features") == [(1,)]
    assert run(two_windows, compiled[name]) == run(shop, compiled[name])


@pytest.mark.parametrize(
    ("seed", "column", "expected"),
    [
        ("eval_sets", "eval_set", ["live", "prior", "test", "train"]),
        ("parts_of_day", "order_hour_of_day", list(range(24))),
        ("weekdays", "order_dow", list(range(7))),
    ],
)
def test_seeds_leave_no_value_out(
    shop: Workspace, seed: str, column: str, expected: list[Any]
) -> None:
    """An analysis joins them, so it would lose orders without a partner."""
    rows = query(shop, f"select {column} from {seed} order by {column}")
    assert [value for (value,) in rows] == expected


@pytest.mark.parametrize("seed", SEEDS)
def test_every_seed_is_used(seed: str) -> None:
    texts = [path.read_text(encoding="utf-8") for path in sql_files()]
    assert any(f"ref('{seed}')" in text for text in texts)


def sql_files() -> list[Path]:
    """List the models and analyses."""
    return [*(ROOT / "models").rglob("*.sql"), *(ROOT / "analyses").glob("*.sql")]

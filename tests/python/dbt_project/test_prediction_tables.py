"""The tables of predictions as dbt and its analyst see them."""

import shutil
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.python.dbt_project.shop_with_loads import key, write_load, write_loads, write_products
from tests.python.dbt_runs import ROOT, Workspace, copy_staging, dbt, make_workspace, query
from tests.python.invented_predictions import predictions, publish

FIRST = predictions({}, {"product_id": 200, "rank": 2}, {"task": "buy-again"})
SECOND = predictions({"run": "second", "product_id": 300})


@pytest.fixture(scope="module")
def shop(built_tiny_shop: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Give a copy of the built tiny shop."""
    shop = make_workspace(tmp_path_factory.mktemp("shop"), built_tiny_shop.raw)
    shutil.copytree(built_tiny_shop.lake, shop.lake, dirs_exist_ok=True)
    return shop


def rows(shop: Workspace, table: str) -> list[tuple[Any, ...]]:
    sql = "select run, task, product_id from predictions.{} order by run, task, product_id"
    return query(shop, sql.format(table))


def test_latest_and_history_are_read_as_tables(shop: Workspace, tmp_path: Path) -> None:
    """Both are empty on a lake without predictions; what comes later needs no dbt."""
    assert rows(shop, "latest") == rows(shop, "history") == []
    publish(shop.lake, FIRST, tmp_path)
    dbt(shop, "build", "--select", "source:predictions")
    first = [("first", "buy-again", 400), ("first", "discovery", 200), ("first", "discovery", 400)]
    assert rows(shop, "latest") == rows(shop, "history") == first
    publish(shop.lake, SECOND, tmp_path)
    of_second = [("second", "discovery", 300)]
    assert rows(shop, "latest") == [first[0], *of_second]
    assert rows(shop, "history") == first + of_second


def test_a_file_of_another_version_hides_no_other(shop: Workspace, tmp_path: Path) -> None:
    """Of the history an older file lacks a column, of the latest one task's file does."""
    several = replace(shop, lake=tmp_path / "lake")
    shutil.copytree(shop.lake, several.lake)
    folder = several.lake / "predictions"
    shutil.rmtree(folder, ignore_errors=True)
    publish(several.lake, FIRST, tmp_path)
    for file in (folder / "run=first" / "discovery.parquet", folder / "latest/discovery.parquet"):
        pl.read_parquet(file).drop("reason").write_parquet(file)
    publish(several.lake, predictions({"run": "second", "task": "next-in-cart"}), tmp_path)
    dbt(several, "run", "--select", "stg_departments")
    of_second = ("second", "next-in-cart", 400)
    assert rows(several, "latest") == [("first", "buy-again", 400), of_second]
    first = [("first", "buy-again", 400), ("first", "discovery", 200), ("first", "discovery", 400)]
    assert rows(several, "history") == [*first, of_second]


@pytest.mark.parametrize(
    ("wrong", "test"),
    [
        (
            predictions({}, {"rank": 2}),
            "source_unique_key_predictions_latest_task__user_id__product_id",
        ),
        (
            predictions({}, {"product_id": 200}),
            "source_unique_key_predictions_latest_task__user_id__rank",
        ),
        (predictions({"order_number": None}), "source_not_null_predictions_latest_order_number"),
    ],
)
def test_wrong_predictions_fail_a_test(
    shop: Workspace, tmp_path: Path, wrong: pl.DataFrame, test: str
) -> None:
    spoilt = replace(shop, lake=tmp_path / "lake")
    shutil.copytree(shop.lake, spoilt.lake)
    publish(spoilt.lake, wrong, tmp_path)
    printed = dbt(spoilt, "test", "--select", "source:predictions", fails=True)
    assert test in printed


def test_hits_are_counted_by_week_where_there_are_times(tmp_path: Path) -> None:
    """
    Two runs predict orders of a shop with text ids, then the orders come.

    Ann's next order is of Wednesday, the 8th of March 2017, and holds one of her two products. The
    same load brings an order of hers from February: her order of the 1st of March, which was known,
    has the number now that was predicted. Bob comes on Tuesday, the 14th, for something else; run b
    listed it for him on rank 11. It knew an order that is cancelled since: his has a lower number
    than was predicted. Run a is the older one and not judged; Cid has not come since.
    """
    project = copy_staging(tmp_path / "project")
    (project / "analyses").mkdir()
    shutil.copy(ROOT / "analyses" / "hits_of_predictions.sql", project / "analyses")
    write_products(
        tmp_path / "raw", [(name, name, "aisle", "food") for name in ("Tea", "Rye", "Oat")]
    )
    shop = make_workspace(tmp_path / "workspace", tmp_path / "raw", project)
    known = {
        "ann": "2017-03-01 10:00:00",
        "bob": "2017-03-02 11:00:00",
        "cid": "2017-03-03 12:00:00",
    }
    write_loads(
        shop.raw,
        {
            "2017-03-05": [
                (f"{user}-1", user, "Oat", ordered_at, "1", "1")
                for user, ordered_at in known.items()
            ]
            + [("bob-0", "bob", "Tea", "2017-02-01 11:00:00", "1", "1")]
        },
    )
    write_load(
        shop.raw,
        "2017-03-15",
        [
            ("ann-0", "ann", "Oat", "2017-02-20 10:00:00", "1", "1"),
            ("ann-2", "ann", "Tea", "2017-03-08 10:00:00", "1", "1"),
            ("ann-2", "ann", "Oat", "2017-03-08 10:00:00", "1", "2"),
            ("bob-0", "bob", "Tea", "2017-02-01 11:00:00", "0", "1"),
            ("bob-2", "bob", "Oat", "2017-03-14 11:00:00", "1", "1"),
        ],
    )

    def predicted(run: str, user: str, product: str, rank: int) -> dict[str, Any]:
        last = datetime.fromisoformat(known[user])
        ids = {"user_code": user, "user_id": key(user, ids="text")}
        ids |= {"product_code": product, "product_id": key(product, ids="text")}
        made = {"run": run, "predicted_at": f"2017-03-06T0{ord(run) - ord('a')}:00:00Z"}
        number = 3 if user == "bob" else 2
        return made | ids | {"rank": rank, "order_number": number, "last_ordered_at": last}

    lists = [("a", "ann", "Oat", 1), ("b", "ann", "Tea", 1), ("b", "ann", "Rye", 2)]
    lists += [("b", "bob", "Rye", 1), ("b", "bob", "Oat", 11), ("b", "cid", "Oat", 1)]
    publish(shop.lake, predictions(*(predicted(*one) for one in lists)), tmp_path)
    variables = {"raw_shape": "order_lines", "mode": "live", "windows": 2, "ids": "text"}
    dbt(shop, "run", "--select", "models/staging", variables=variables)
    dbt(shop, "compile", "--select", "hits_of_predictions", variables=variables)
    compiled = shop.target / "compiled" / "next_basket" / "analyses" / "hits_of_predictions.sql"
    monday = datetime.fromisoformat("2017-03-06")
    sql = "select product_code, user_code from predictions.latest order by all"
    assert query(shop, sql)[0] == ("Oat", "bob"), "text ids come through"
    assert query(shop, compiled.read_text(encoding="utf-8")) == [
        # orders, of them hit, hit rate, products listed, bought, precision
        ("discovery", monday, None, 1, 1, 1.0, 2, 1, 0.5),
        ("discovery", monday + timedelta(days=7), None, 1, 0, 0.0, 1, 0, 0.0),
    ]

"""Tables of the local target: what is published, when, and what a failure leaves behind."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.python.dbt_runs import (
    Workspace,
    copy_project,
    dbt,
    environment,
    make_workspace,
    query,
)

PARTITIONED = {
    "stg_orders": ["eval_set=prior", "eval_set=test", "eval_set=train"],
    "stg_order_products": ["eval_set=prior", "eval_set=train"],
    "target_orders": ["orders_back=0"],
    "history_orders": ["orders_back=0"],
    "user_windows": ["orders_back=0"],
    "user_aisles": ["orders_back=0"],
    "aisle_totals": ["orders_back=0"],
    "target_features": ["orders_back=0"],
    "up_features": ["orders_back=0"],
    "user_features": ["orders_back=0"],
    "prd_features": ["orders_back=0"],
    "candidates": ["orders_back=0"],
}
TABLES = [*PARTITIONED, "stg_products", "stg_aisles", "stg_departments"]
PLENTY_OF_SECONDS = 120


def models(shop: Workspace) -> dict[str, Any]:
    """Read the models, by name, from the manifest of the last dbt command."""
    nodes = json.loads((shop.target / "manifest.json").read_text(encoding="utf-8"))["nodes"]
    return {node["name"]: node for node in nodes.values() if node["resource_type"] == "model"}


def described(shop: Workspace, table: str) -> list[tuple[str, str]]:
    """Give name and type of a table's columns."""
    columns = query(shop, f"describe {table}")
    return [(name, kind.lower().replace("float", "real")) for name, kind, *_ in columns]


def contracted(model: dict[str, Any]) -> list[tuple[str, str]]:
    """Give name and type of the columns that a model's contract promises."""
    return [(column["name"], column["data_type"]) for column in model["columns"].values()]


def published(shop: Workspace, *tables: str) -> dict[str, tuple[str, list[tuple[Any, ...]]]]:
    """Give each table's generation (folder a or b) and rows."""
    found = {}
    for table in tables:
        sql = f"select sql from duckdb_views() where view_name = '{table}'"
        [(view,)] = query(shop, sql)
        [generation] = set(re.findall(rf"/next_basket\.{table}\.([ab])/", view))
        found[table] = (generation, query(shop, f"select * from {table} order by all"))
    return found


def rows(shop: Workspace, *tables: str) -> dict[str, list[tuple[Any, ...]]]:
    """Give each table's rows."""
    return {table: query(shop, f"select * from {table} order by all") for table in tables}


def partition_folders(shop: Workspace, table: str, generation: str = "a") -> list[str]:
    """Give the names of the folders with files inside a table's folder."""
    folder = shop.lake / f"next_basket.{table}.{generation}"
    return sorted({file.parent.name for file in folder.glob("*/*.parquet")})


@pytest.fixture
def copied_shop(built_tiny_shop: Workspace, tmp_path: Path) -> Workspace:
    """Give a copy of the built shop; its tables read the original's files until they are built."""
    shop = make_workspace(tmp_path / "workspace", built_tiny_shop.raw)
    shutil.copytree(built_tiny_shop.lake, shop.lake, dirs_exist_ok=True)
    return shop


@pytest.fixture
def changed_project(copied_shop: Workspace, tmp_path: Path) -> Workspace:
    """Give such a copy with a project whose text the test may change."""
    return replace(copied_shop, project=copy_project(tmp_path / "project"))


def change_model(shop: Workspace, name: str, old: str, new: str) -> None:
    """Replace text in a model of a copied project."""
    [path] = shop.project.glob(f"models/**/{name}.sql")
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_published_columns_are_those_of_the_contract(built_tiny_shop: Workspace) -> None:
    found = models(built_tiny_shop)
    assert set(TABLES) <= set(found)
    for name, model in found.items():
        assert model["config"]["contract"]["enforced"], name
        assert described(built_tiny_shop, name) == contracted(model), name


def test_partitions_are_folders_and_last_columns(built_tiny_shop: Workspace) -> None:
    found = models(built_tiny_shop)
    for name, folders in PARTITIONED.items():
        assert partition_folders(built_tiny_shop, name) == folders, name
        assert found[name]["config"]["partitioned_by"] == [folders[0].partition("=")[0]], name
    for name, model in found.items():
        partitioned_by = model["config"].get("partitioned_by", [])
        columns = [column for column, _ in described(built_tiny_shop, name)]
        assert columns[len(columns) - len(partitioned_by) :] == partitioned_by, name


def test_rows_of_a_file_are_sorted_where_a_model_asks_for_it(built_tiny_shop: Workspace) -> None:
    orders = {
        name: ", ".join(model["config"]["meta"]["sorted_by"])
        for name, model in models(built_tiny_shop).items()
        if "sorted_by" in model["config"]["meta"]
    }
    assert {"up_features", "discovery_candidates", "discovery_users"} <= set(orders)
    for name, order in orders.items():
        files = list(built_tiny_shop.lake.glob(f"next_basket.{name}.a/*/*.parquet"))
        assert files, name
        for file in files:
            read = f"select {order} from read_parquet('{file}')"
            stored = query(built_tiny_shop, f"{read} order by file_row_number")
            assert stored == query(built_tiny_shop, f"{read} order by {order}"), name


def test_partition_values_come_back_with_their_type(built_tiny_shop: Workspace) -> None:
    sql = "select distinct typeof(orders_back), orders_back + 1 from {}"
    for name, folders in PARTITIONED.items():
        if folders[0].startswith("orders_back"):
            assert query(built_tiny_shop, sql.format(name)) == [("INTEGER", 1)], name


def test_models_without_rows_publish_empty_tables_and_fill_later(
    new_workspace: Callable[[Path], Workspace], tiny_raw: Path, built_tiny_shop: Workspace
) -> None:
    shop = new_workspace(tiny_raw)
    dbt(shop, "build", "--empty")
    for name, model in models(shop).items():
        assert described(shop, name) == contracted(model), name
        if name in TABLES:
            assert query(shop, f"select count(*) from {name}") == [(0,)], name
    dbt(shop, "build")
    assert rows(shop, *TABLES) == rows(built_tiny_shop, *TABLES)


def test_failing_model_leaves_its_last_good_rows(changed_project: Workspace) -> None:
    shop = changed_project
    tables = ("user_features", "prd_features", "candidates")
    good = {table: query(shop, f"describe {table}") for table in tables}, rows(shop, *tables)
    # fails on a row in the middle of the query, not when the query is planned
    change_model(
        shop,
        "user_features",
        "select * from final",
        "select * from final where cast(user_id || case when user_id = 2 then 'x' else '' end"
        " as bigint) > 0",
    )
    output = dbt(shop, "run", fails=True)
    assert "ERROR creating sql table model next_basket.user_features" in output
    assert "Could not convert string '2x'" in output
    assert ({table: query(shop, f"describe {table}") for table in tables}, rows(shop, *tables)) == (
        good
    )
    assert published(shop, "up_features")["up_features"][0] == "a"  # was built here, before


def test_killed_build_leaves_the_last_good_rows(changed_project: Workspace) -> None:
    shop = changed_project
    unchanged = (shop.project / "models" / "features" / "up_features.sql").read_text(
        encoding="utf-8"
    )
    dbt(shop, "run")
    good = published(shop, *TABLES)
    assert {generation for generation, _ in good.values()} == {"a"}

    # writing has no end, while a look for other partitions finds no row and ends
    endless = "select final.* from range(1000000000000) as endless, final"
    change_model(shop, "up_features", "select * from final", endless)
    build = subprocess.Popen(
        [sys.executable, "-m", "dbt.cli.main", "run"],
        cwd=shop.project,
        env=environment(shop),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    # the folder of the new generation is made right before the endless query starts
    give_up = time.monotonic() + PLENTY_OF_SECONDS
    try:
        while not (shop.lake / "next_basket.up_features.b").exists():
            assert build.poll() is None
            assert time.monotonic() < give_up
            time.sleep(0.05)
    finally:
        build.send_signal(signal.SIGKILL)
        build.wait()

    later = ("up_features", "candidates")
    assert published(shop, *later) == {table: good[table] for table in later}
    assert rows(shop, *TABLES) == {table: found for table, (_, found) in good.items()}

    (shop.project / "models" / "features" / "up_features.sql").write_text(
        unchanged, encoding="utf-8"
    )
    dbt(shop, "run")
    assert published(shop, *later) == {table: ("b", good[table][1]) for table in later}
    assert rows(shop, *TABLES) == {table: found for table, (_, found) in good.items()}


def test_generations_take_turns_and_leave_no_old_partition(
    new_workspace: Callable[[Path], Workspace], tiny_raw: Path, built_tiny_shop: Workspace
) -> None:
    """A lake without other tables that depend on windows: these could not stay as they are."""
    shop = new_workspace(tiny_raw)
    dbt(shop, "run", "--select", "+target_orders", "stg_products", variables={"windows": 3})
    others = ("stg_orders", "stg_products")
    others_before = published(shop, *others)
    selected = ("run", "--select", "user_windows", "target_orders")

    assert published(shop, "target_orders")["target_orders"][0] == "a"
    assert partition_folders(shop, "target_orders", "a") == [
        "orders_back=0",
        "orders_back=1",
        "orders_back=2",
    ]
    dbt(shop, *selected, variables={"windows": 3})
    assert published(shop, "target_orders")["target_orders"][0] == "b"
    dbt(shop, *selected)
    assert published(shop, "target_orders") == {
        "target_orders": ("a", rows(built_tiny_shop, "target_orders")["target_orders"])
    }
    assert partition_folders(shop, "target_orders", "a") == ["orders_back=0"]
    assert published(shop, *others) == others_before


def test_rows_that_no_partition_takes_stop_the_model(changed_project: Workspace) -> None:
    """Without tests, which would tell of stg_orders; an analyst's own model has none."""
    shop = changed_project
    (shop.project / "models" / "features" / "baskets_by_size.sql").write_text(
        "{{ config(partitioned_by=['size'], contract={'enforced': false},"
        " meta={'partition_values': [1, 3]}) }}\n"
        "select order_id, nullif(basket_size, 1) as size from {{ ref('order_facts') }}\n",
        encoding="utf-8",
    )
    shop = replace(shop, raw=Path(shutil.copytree(shop.raw, shop.lake.parent / "raw")))
    orders = shop.raw / "orders.csv"
    text = orders.read_text(encoding="utf-8")
    changed = text.replace("11,1,prior", "11,1,Prior").replace("31,3,prior", "31,3,")
    orders.write_text(changed.replace("21,2,prior", "21,2,Prior"), encoding="utf-8")
    before = published(shop, "stg_orders")

    output = " ".join(dbt(shop, "run", "--select", "stg_orders", fails=True).split())
    assert (
        "Model stg_orders: eval_set is none of prior, test, train (meta.partition_values) in 3"
        " rows, Prior in 2 rows, '' in 1 row. They would be left out, so the table stays as it was:"
        " mend the rows, or name their values in meta.partition_values."
    ) in output
    output = " ".join(dbt(shop, "run", "--select", "baskets_by_size", fails=True).split())
    # baskets of 2 lines (four), of none (23 and 32), and of one, which are made null
    assert (
        "Model baskets_by_size: size is none of 1, 3 (meta.partition_values) in 8 rows, 2 in 4"
        " rows, 0 in 2 rows, null in 2 rows. They"
    ) in output
    assert published(shop, "stg_orders") == before
    assert query(shop, "select * from duckdb_views() where view_name = 'baskets_by_size'") == []


def test_slices_of_users_hold_the_same_rows_as_one(changed_project: Workspace) -> None:
    """What only a shop of a million orders needs, with a few orders a slice."""
    shop = changed_project
    sliced = ("up_features", "candidates", "discovery_candidates")
    before = rows(shop, *sliced)
    macro = shop.project / "macros" / "lake_table.sql"
    text = macro.read_text(encoding="utf-8")
    assert "// 800000" in text
    macro.write_text(text.replace("// 800000", "// 4"), encoding="utf-8")
    dbt(shop, "run", "--select", *sliced)
    for table, (generation, found) in published(shop, *sliced).items():
        assert found == before[table]
        folder = shop.lake / f"next_basket.{table}.{generation}" / "orders_back=0"
        assert len({path.name.split("_")[1] for path in folder.iterdir()}) > 1


def test_model_changes_between_table_and_view(changed_project: Workspace) -> None:
    shop = changed_project
    with duckdb.connect(shop.lake / "lake.duckdb") as lake:  # as the adapter's own `table` made it
        lake.execute("create table next_basket.favourites as select 1 as user_id")
    favourites = shop.project / "models" / "features" / "favourites.sql"
    model = (
        "{{{{ config(materialized='{}', contract={{'enforced': false}}) }}}}\n"
        "select user_id, product_id from {{{{ ref('up_features') }}}} where up_orders > 2\n"
    )
    kind = (
        "select table_type from information_schema.tables"
        " where table_schema = 'next_basket' and table_name = 'favourites'"
    )
    for materialized in ("table", "view", "table"):
        favourites.write_text(model.format(materialized), encoding="utf-8")
        dbt(shop, "run", "--select", "favourites")
        assert query(shop, kind) == [("VIEW",)]
        assert described(shop, "favourites") == [("user_id", "bigint"), ("product_id", "bigint")]
        assert query(shop, "select * from favourites") == [(1, 100)]
        [(view,)] = query(shop, "select sql from duckdb_views() where view_name = 'favourites'")
        assert ("read_parquet" in view) == (materialized == "table")


def test_partition_columns_that_are_not_last_are_refused(changed_project: Workspace) -> None:
    shop = changed_project
    (shop.project / "models" / "features" / "favourites.sql").write_text(
        "{{ config(partitioned_by=['orders_back'], contract={'enforced': false}) }}\n"
        "select orders_back, user_id from {{ ref('user_features') }}\n",
        encoding="utf-8",
    )
    output = dbt(shop, "run", "--select", "favourites", fails=True)
    assert (
        "partitioned_by orders_back: these must be the last columns of favourites, in this order,"
        " as on Athena."
    ) in output


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["build"], id="build"),
        pytest.param(["test"], id="test"),
        pytest.param(["docs", "generate"], id="docs"),
        pytest.param(["build", "--select", "+up_features"], id="select"),
        pytest.param(["build", "--vars", "windows: 3"], id="three-windows"),
    ],
)
def test_commands_are_quiet(copied_shop: Workspace, arguments: list[str]) -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("dbt"), *arguments],
        cwd=copied_shop.project,
        env=environment(copied_shop),
        capture_output=True,
        text=True,
        check=False,
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    assert "Starting full parse" in output  # a partial parse repeats no warning
    for line in output.splitlines():
        text = line.lower().replace("warn=0", "").replace("0 warnings", "")
        assert "warn" not in text, line
        assert "deprecat" not in text, line

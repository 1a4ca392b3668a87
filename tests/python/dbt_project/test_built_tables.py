"""The lake knows what built its tables: what does not fit to them is told before it is built."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.python.dbt_project.test_lake_tables import change_model
from tests.python.dbt_runs import (
    Workspace,
    copy_project,
    dbt,
    export,
    make_workspace,
    query,
)

REFUSED = (
    "This is a build of a part with mode: {}, windows: {}, but what stays as it is was built"
    " otherwise, {}: add --vars '{{mode: {}, windows: {}}}', or build everything anew,"
    " `dbt build --vars '{{mode: {}, windows: {}}}'`."
)


@pytest.fixture
def shop(built_tiny_shop: Workspace, tmp_path: Path) -> Workspace:
    """Give a copy of the built shop with raw files of its own."""
    raw = Path(shutil.copytree(built_tiny_shop.raw, tmp_path / "raw"))
    for file in raw.iterdir():  # a copy, but not of another time
        shutil.copystat(built_tiny_shop.raw / file.name, file)
    shop = make_workspace(tmp_path / "workspace", raw)
    shutil.copytree(built_tiny_shop.lake, shop.lake, dirs_exist_ok=True)
    return shop


def read_views(shop: Workspace) -> list[tuple[str, str]]:
    """Give the views, which name the files that they read."""
    found = query(
        shop, "select view_name, sql from duckdb_views() where schema_name = 'next_basket'"
    )
    return sorted((name, sql) for name, sql in found)


def words(output: str) -> str:
    """Give what was printed with single spaces."""
    return " ".join(output.split())


def test_what_built_a_table_is_written_down(built_tiny_shop: Workspace) -> None:
    sql = (
        "select mode, windows, [file.name for file in raw_files] from builds.tables"
        " where schema_name = 'next_basket' and table_name = '{}'"
    )
    lines = ["order_products__prior", "order_products__train"]
    expected = {
        "stg_orders": (None, None, ["orders"]),
        "baskets": (None, None, [*lines, "orders"]),
        "user_windows": ("benchmark", 1, ["orders"]),
        "history_lines": ("benchmark", 1, [*lines, "orders", "products"]),  # a view
        "candidates": ("benchmark", 1, [*lines, "orders", "products"]),
    }
    for table, built in expected.items():
        assert query(built_tiny_shop, sql.format(table)) == [built], table
    [(size, modified)] = query(
        built_tiny_shop,
        "select raw_files[1].bytes, epoch(raw_files[1].modified_at) from builds.tables"
        " where table_name = 'stg_orders'",
    )
    found = (built_tiny_shop.raw / "orders.csv").stat()
    assert (size, modified) == (found.st_size, int(found.st_mtime))


def test_part_of_the_lake_is_not_built_with_other_vars(shop: Workspace) -> None:
    before = read_views(shop)
    for arguments, kept in (
        (("run", "--select", "candidates"), "aisle_totals and 17 more"),
        (("build", "--select", "+up_features"), "aisle_totals and 13 more"),
        (("run", "--exclude", "candidates"), "candidates"),
    ):
        output = dbt(shop, *arguments, variables={"windows": 3}, fails=True)
        said = f"{kept} with mode: benchmark, windows: 1"
        assert REFUSED.format("benchmark", 3, said, "benchmark", 1, "benchmark", 3) in words(
            output
        ), output
    assert "live, windows: 2, but" in words(
        dbt(shop, "run", "-s", "candidates", variables={"mode": "live", "windows": 2}, fails=True)
    )
    assert read_views(shop) == before

    # what does not depend on them, and what a user does besides
    dbt(shop, "run", "--select", "stg_orders", "baskets", variables={"windows": 3})
    dbt(shop, "seed", variables={"windows": 3})
    dbt(shop, "run", "--select", "candidates")


def test_a_full_build_may_break_off_and_be_retried(shop: Workspace, tmp_path: Path) -> None:
    shop = replace(shop, project=copy_project(tmp_path / "project"))
    model = shop.project / "models" / "features" / "user_features.sql"
    good = model.read_text(encoding="utf-8")
    change_model(shop, "user_features", "from history_orders\n", "from history_order\n")
    dbt(shop, "run", variables={"windows": 2}, fails=True)
    model.write_text(good, encoding="utf-8")

    # half of the lake is of one window, half of two
    output = words(dbt(shop, "run", "--select", "prd_features", fails=True))
    assert "with mode: benchmark, windows: 2: build everything anew, `dbt build --vars" in output
    output = words(export(shop, fails=True))
    assert (
        "Error: Tables of different builds: candidates is of vars (mode: benchmark, windows: 1),"
        " product_neighbours of vars (mode: benchmark, windows: 2). Build everything anew,"
        " `dbt build --vars '{mode: benchmark, windows: 1}'`, then export again."
    ) in output
    assert "Traceback" not in output
    assert not shop.data.exists()

    dbt(shop, "retry")
    export(shop)


def test_rows_of_an_older_raw_file_are_told(shop: Workspace) -> None:
    orders = shop.raw / "orders.csv"
    orders.write_text(orders.read_text(encoding="utf-8").replace(",30.0", ",29.0"), "utf-8")
    os.utime(orders, (1_900_000_000, 1_900_000_000))
    said = (
        "Raw file orders.csv has changed since stg_orders was built: this build uses the older"
        " rows. `dbt build --select stg_orders+` reads the new file."
    )
    output = words(dbt(shop, "run", "--select", "baskets"))
    assert output.count(said) == 1
    assert output.count("has changed since") == 1
    assert "has changed since" not in dbt(shop, "run", "--select", "stg_products")

    assert "has changed since" not in dbt(shop, "run", "--select", "stg_orders", "baskets")
    output = words(export(shop, fails=True))
    size = orders.stat().st_size
    assert "Error: Tables of different builds: candidates is of raw file orders (" in output
    assert f"baskets of raw file orders ({size} bytes of 2030-03-17 17:46:40 UTC). Build" in output

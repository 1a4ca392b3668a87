"""What analysts type every day, on a lake where nothing is built yet and on a built one."""

import shutil
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from tests.python.dbt_runs import Workspace, copy_project, dbt, make_workspace, query
from tests.python.tiny_shop import FILES, write_tiny_shop

NOTHING_BUILT = "reads what is not built in schema next_basket of target local: "


def quiet_dbt(shop: Workspace, *arguments: str) -> str:
    """Run a dbt command that succeeds without any warning, and give what it prints."""
    output = dbt(shop, *arguments)
    for line in output.splitlines():
        text = line.lower().replace("warn=0", "")
        assert "warn" not in text, line
        assert "deprecat" not in text, line
    return output


def relations(shop: Workspace) -> set[str]:
    """Give schema and name of every table and view in the DuckDB file."""
    file = shop.lake / "lake.duckdb"
    if not file.exists():
        return set()
    with duckdb.connect(file, read_only=True) as lake:
        sql = "select table_schema || '.' || table_name from information_schema.tables"
        return {name for (name,) in lake.execute(sql).fetchall()}


@pytest.fixture(scope="module")
def fresh(tiny_raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Give a workspace in which nothing is built, and nothing is by its tests but raw views."""
    return make_workspace(tmp_path_factory.mktemp("fresh"), tiny_raw)


@pytest.fixture(scope="module")
def built(built_tiny_shop: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Give a copy of the built shop for commands that may follow each other in any order."""
    shop = make_workspace(tmp_path_factory.mktemp("built"), built_tiny_shop.raw)
    shutil.copytree(built_tiny_shop.lake, shop.lake, dirs_exist_ok=True)
    shutil.copytree(built_tiny_shop.target, shop.target, dirs_exist_ok=True)
    return shop


@pytest.mark.parametrize("command", ["parse", "ls", "compile", "docs generate --static"])
def test_looking_at_the_project_needs_no_raw_files_and_leaves_nothing(
    fresh: Workspace, command: str
) -> None:
    before = relations(fresh)
    quiet_dbt(replace(fresh, raw=fresh.raw / "missing"), *command.split())
    assert relations(fresh) == before
    assert {path.name for path in fresh.lake.iterdir()} <= {"lake.duckdb"}


@pytest.mark.parametrize(
    ("command", "missing"),
    [
        pytest.param("run --select products", "stg_aisles, stg_departments, ", id="run"),
        pytest.param("test", "aisle_totals, baskets, candidates, ", id="tests"),
        pytest.param("build --select products", "stg_aisles, stg_departments, stg_p", id="build"),
        pytest.param("test --select stg_orders", "stg_orders. Run `dbt build` first", id="test"),
        pytest.param("test --select products,test_type:unit", "stg_aisles, ", id="unit-test"),
        pytest.param("show --select products", "stg_aisles, stg_departments, ", id="show"),
    ],
)
def test_what_needs_a_built_lake_says_what_to_build(
    fresh: Workspace, command: str, missing: str
) -> None:
    output = dbt(fresh, *command.split(), fails=True)
    assert NOTHING_BUILT + missing in output
    assert "Catalog Error" not in output


def test_show_inline_of_what_is_not_built_says_so(fresh: Workspace) -> None:
    output = dbt(fresh, "show", "--inline", "select * from {{ ref('products') }}", fails=True)
    assert NOTHING_BUILT + "products. Run `dbt build` first" in output


@pytest.mark.parametrize(
    ("command", "printed"),
    [
        pytest.param("show --select stg_departments", "bakery", id="show"),
        pytest.param("source freshness", "PASS freshness of raw.orders", id="freshness"),
        pytest.param("test --select source:raw", "PASS=", id="sources"),
    ],
)
def test_raw_files_are_read_without_a_build(fresh: Workspace, command: str, printed: str) -> None:
    assert printed in quiet_dbt(fresh, *command.split())
    assert not any(name.startswith("next_basket.") for name in relations(fresh))


def test_freshness_names_the_folder_without_raw_files(fresh: Workspace) -> None:
    missing = fresh.raw / "missing"
    output = dbt(replace(fresh, raw=missing), "source", "freshness", fails=True)
    assert f"RAW_DIR '{missing}' holds no raw files" in output


def test_an_empty_lake_is_filled_by_run_and_seed_and_then_tested(
    tiny_raw: Path, tmp_path: Path
) -> None:
    shop = make_workspace(tmp_path, tiny_raw)
    quiet_dbt(shop, "run", "--threads", "4")
    quiet_dbt(shop, "seed")
    assert "ERROR=0" in quiet_dbt(shop, "test", "--threads", "4")
    quiet_dbt(shop, "run", "--threads", "4", "--full-refresh")


def test_a_selection_is_built_and_tested_in_an_empty_lake(tiny_raw: Path, tmp_path: Path) -> None:
    shop = make_workspace(tmp_path, tiny_raw)
    output = quiet_dbt(shop, "build", "--select", "stg_orders")
    assert "PASS unique_stg_orders_order_id" in output
    assert "foreign_key_stg_order_products" not in output  # reads a model that was not selected
    assert query(shop, "select count(*) from stg_orders") == [(9,)]

    quiet_dbt(shop, "seed")
    assert query(shop, "select count(*) from weekdays") == [(7,)]

    output = quiet_dbt(shop, "build", "--select", "+up_features", "--threads", "4")  # README's
    assert "PASS up_features::" in output
    assert "unique_key_up_features" in output
    assert query(shop, "select count(*) from up_features") == [(6,)]
    assert "next_basket.candidates" not in relations(shop)


@pytest.mark.parametrize(
    "command",
    [
        "run --select stg_orders stg_products --threads 4 --full-refresh",
        "test --select stg_orders --store-failures",
        "show --select up_features",
        "docs generate",
        "source freshness",
        "seed --full-refresh",
    ],
)
def test_commands_on_a_built_lake(built: Workspace, command: str) -> None:
    quiet_dbt(built, *command.split())


def test_clean_removes_what_dbt_wrote_and_nothing_else(tmp_path: Path) -> None:
    project = copy_project(tmp_path / "project")
    kept = {"raw", "lake", "runs"}
    for name in kept | {"target", "logs"}:
        (project / name).mkdir()
    shop = replace(make_workspace(tmp_path / "workspace", project / "raw", project))
    quiet_dbt(shop, "clean")
    assert kept <= {path.name for path in project.iterdir()}
    assert not (project / "target").exists()
    quiet_dbt(shop, "ls", "--resource-type", "seed")


@pytest.mark.parametrize(
    ("old", "new", "retried"),
    [
        pytest.param("12,1,prior,2,", "12,1,prior,two,", True, id="no-number"),
        pytest.param("12,1,prior,2,", "11,1,prior,2,", False, id="duplicate"),
    ],
)
def test_retry_after_a_raw_file_was_mended(
    tmp_path: Path, old: str, new: str, retried: bool
) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    write_tiny_shop(raw)
    (raw / "orders.csv").write_text(FILES["orders.csv"].replace(old, new), encoding="utf-8")
    shop = make_workspace(tmp_path / "workspace", raw)
    what_to_do = "After mending raw files run `dbt build`: `dbt retry` would test the same rows"
    output = dbt(shop, "build", "--select", "+order_facts", fails=True)
    assert (what_to_do in output) != retried
    assert "next_basket.order_facts" not in relations(shop)

    (raw / "orders.csv").write_text(FILES["orders.csv"], encoding="utf-8")
    output = dbt(shop, "retry", fails=not retried)
    assert (what_to_do in output) != retried
    assert "run the command itself again" in output
    if retried:
        assert query(shop, "select order_id from stg_orders order by 1 limit 2") == [(11,), (12,)]
        assert query(shop, "select count(*) from order_facts") == [(9,)]
    else:
        assert "next_basket.order_facts" not in relations(shop)

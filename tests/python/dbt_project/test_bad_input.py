"""Bad input stops the build with a message that names it, and leaves the last good results."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.python.dbt_runs import Workspace, dbt, export, make_workspace, query
from tests.python.raw_damages import (
    BAD_ROWS,
    BAD_VALUES,
    MARTS,
    ORDERS,
    PRIOR,
    TRAIN,
    UNREADABLE_FILES,
    Damage,
    damage_files,
)


@pytest.fixture(scope="module")
def good_shop(built_tiny_shop: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Give a shop with a good last build and its data.csv; read-only."""
    shop = make_workspace(tmp_path_factory.mktemp("good-shop"), built_tiny_shop.raw)
    shutil.copytree(built_tiny_shop.lake, shop.lake, dirs_exist_ok=True)
    export(replace(built_tiny_shop, lake=shop.lake))
    return shop


@pytest.fixture(scope="module")
def shop_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder that all tests here use in turn: dbt need not parse the project again."""
    return tmp_path_factory.mktemp("damaged-shop")


@pytest.fixture
def shop(good_shop: Workspace, shop_folder: Path) -> Workspace:
    """Give a copy of the good shop that the test may damage."""
    shop = replace(good_shop, raw=shop_folder / "raw", lake=shop_folder / "lake")
    for source, copy in ((good_shop.raw, shop.raw), (good_shop.lake, shop.lake)):
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(source, copy)
    return shop


def assert_kept(shop: Workspace, good_shop: Workspace, built: tuple[str, ...] = ()) -> None:
    """Check that marts and data.csv are those of the last good build, and not built again."""
    view = "select sql from duckdb_views() where schema_name = 'next_basket' and view_name = '{}'"
    for mart in set(MARTS) - set(built):
        rows = f"select * from {mart} order by all"
        assert query(shop, view.format(mart)) == query(good_shop, view.format(mart)), mart
        assert query(shop, rows) == query(good_shop, rows), mart
        assert query(shop, rows), mart
    assert shop.data.read_bytes() == good_shop.data.read_bytes()


@pytest.mark.parametrize("damage", UNREADABLE_FILES.values(), ids=UNREADABLE_FILES.keys())
def test_unreadable_file_stops_before_any_model_runs(
    shop: Workspace, good_shop: Workspace, damage: Damage
) -> None:
    damage_files(shop.raw, damage)
    output = dbt(shop, "build", fails=True)
    for message in damage.messages:
        assert message in output
    assert " sql table model " not in output
    assert_kept(shop, good_shop)


def test_missing_file_stops_before_any_model_runs(shop: Workspace, good_shop: Workspace) -> None:
    (shop.raw / PRIOR).unlink()
    output = dbt(shop, "build", fails=True)
    assert f"Raw file {shop.raw / PRIOR} is missing" in output
    assert " sql table model " not in output
    assert_kept(shop, good_shop)


@pytest.mark.parametrize("damage", BAD_VALUES.values(), ids=BAD_VALUES.keys())
def test_bad_values_stop_the_build(shop: Workspace, good_shop: Workspace, damage: Damage) -> None:
    damage_files(shop.raw, damage)
    output = dbt(shop, "build", fails=True)
    for message in damage.messages:
        assert message in output
    assert_kept(shop, good_shop, damage.built)


@pytest.mark.parametrize("damage", BAD_ROWS.values(), ids=BAD_ROWS.keys())
def test_bad_rows_stop_the_build(shop: Workspace, good_shop: Workspace, damage: Damage) -> None:
    damage_files(shop.raw, damage)
    output = dbt(shop, "build", fails=True)
    for message in damage.messages:
        assert message in output
    assert_kept(shop, good_shop, damage.built)


def test_line_files_that_are_not_whole_are_told(shop: Workspace, good_shop: Workspace) -> None:
    """Orders with lines: 11, 12, 13, 21, 22, 31 and 14; 21 and 31 have one line each."""
    build = ("run", "--select", "+order_facts")
    for name in (PRIOR, TRAIN):
        header, *lines = (shop.raw / name).read_text(encoding="utf-8").splitlines()
        fields = [line.split(",") for line in lines]
        placeless = [f"{order},{product},1,{again}" for order, product, _, again in fields]
        (shop.raw / name).write_text("\n".join([header, *placeless, ""]), encoding="utf-8")
    output = " ".join(dbt(shop, *build).split())
    assert "1 of 2 train orders have no line: their baskets count as unknown." in output
    assert (
        "5 of 7 orders have cart places (add_to_cart_order) that are not 1 to n: 5 of 5 orders of"
        " several lines have two products in one place. The shop has no cart order: what is next"
        " in a cart cannot be learnt from it."
    ) in output

    (shop.raw / TRAIN).write_text(f"{header}\n", encoding="utf-8")
    output = " ".join(dbt(shop, *build).split())  # two orders are too few to say more of the file
    assert "2 of 2 train orders have no line: their baskets count as unknown." in output

    header, *lines = (shop.raw / PRIOR).read_text(encoding="utf-8").splitlines()
    of_one_order = [line for line in lines if line.startswith("11,")]
    (shop.raw / PRIOR).write_text("\n".join([header, *of_one_order, ""]), encoding="utf-8")
    built = "select sql from duckdb_views() where view_name = 'order_facts'"
    before = query(shop, built)
    output = " ".join(dbt(shop, *build, fails=True).split())
    assert (
        "5 of 6 prior orders have no line in order_products__prior.csv, more than half: the file is"
        " not whole or of other orders. Give the whole one, or leave these orders out of"
        " orders.csv."
    ) in output
    assert query(shop, built) == before
    assert_kept(shop, good_shop)


def test_after_a_failed_test_its_model_alone_holds_the_new_rows(
    shop: Workspace, good_shop: Workspace
) -> None:
    """And `dbt retry` goes on from these rows, though the file was mended since: it says so."""
    orders = shop.raw / ORDERS
    good = orders.read_text(encoding="utf-8")
    orders.write_text(good.replace("22,2,prior,2,5,13", "22,2,prior,1,5,13"), encoding="utf-8")
    assert "unique_key_stg_orders_user_id__order_number" in dbt(shop, "build", fails=True)
    numbers = "select order_number from stg_orders where order_id = 22"
    assert (query(shop, numbers), query(good_shop, numbers)) == ([(1,)], [(2,)])
    assert_kept(shop, good_shop)

    orders.write_text(good, encoding="utf-8")
    os.utime(orders, (1_900_000_000, 1_900_000_000))
    output = " ".join(dbt(shop, "retry", fails=True).split())
    assert (
        "Raw file orders.csv has changed since stg_orders was built: unless it is built again, this"
        " retry uses the older rows. `dbt build --select stg_orders+` reads the new file."
    ) in output
    assert "Failure in test unique_key_stg_orders_user_id__order_number" in output
    assert_kept(shop, good_shop)


def test_extra_columns_are_one_line_and_change_nothing(
    shop: Workspace, good_shop: Workspace
) -> None:
    """As an index that pandas writes, commas at every line's end, and names of all kinds."""
    longer = {
        ORDERS: ("shop,{}", "7,{}"),
        PRIOR: (",{},", "7,{},"),
        TRAIN: ('"a ""b"", c",Reordered,{},shop,shop', "7,8,{},9,9"),
    }
    for name, (longer_header, longer_row) in longer.items():
        header, *rows = (shop.raw / name).read_text(encoding="utf-8").splitlines()
        lines = [longer_header.format(header), *(longer_row.format(row) for row in rows)]
        (shop.raw / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    output = dbt(shop, "build")
    noted = [line for line in output.splitlines() if " ignored." in line]
    assert [line.partition("Raw file ")[2] for line in noted] == [
        f"{shop.raw / ORDERS}: extra column shop is ignored.",
        f"{shop.raw / PRIOR}: 2 columns without a name are ignored.",
        f'{shop.raw / TRAIN}: extra columns a "b", c, Reordered, shop are ignored.',
    ]
    shop.data.unlink()
    export(shop)
    assert shop.data.read_bytes() == good_shop.data.read_bytes()


def test_empty_raw_folder_names_itself_and_the_command_that_fills_it(
    shop: Workspace, good_shop: Workspace
) -> None:
    shutil.rmtree(shop.raw)
    shop.raw.mkdir()
    output = dbt(shop, "build", fails=True)
    assert (
        f"RAW_DIR '{shop.raw}' holds no raw files: put the six CSV files there, or make a synthetic"
        f" shop with `python -m glue sample-shop --out {shop.raw}`."
    ) in output
    assert_kept(shop, good_shop)


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        pytest.param(
            {"windows": 0},
            "var windows is '0': give a whole number of at least 1.",
            id="windows-0",
        ),
        pytest.param(
            {"windows": "x"},
            "var windows is 'x': give a whole number of at least 1.",
            id="windows-x",
        ),
        pytest.param(
            {"mode": "weird"}, "var mode is 'weird': give benchmark or live.", id="mode-weird"
        ),
        pytest.param(
            {"mode": "live", "windows": 1},
            "mode: live needs windows: 2 or more, because the order to come has no label to learn"
            " from: add it to --vars, as in '{mode: live, windows: 2}'.",
            id="live-with-one-window",
        ),
    ],
)
def test_bad_vars_stop_the_build_with_a_sentence(
    shop: Workspace,
    good_shop: Workspace,
    tmp_path: Path,
    variables: dict[str, object],
    sentence: str,
) -> None:
    # a target folder of its own: what dbt parsed with other vars is of no use to the next test
    output = dbt(replace(shop, target=tmp_path), "build", variables=variables, fails=True)
    assert sentence in output
    assert "Traceback" not in output
    assert_kept(shop, good_shop)

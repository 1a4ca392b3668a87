"""Bad input stops the build with a message that names it, and leaves the last good results."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.python.dbt_runs import Workspace, dbt, export, make_workspace, query
from tests.python.tiny_shop import FILES

ORDERS = "orders.csv"
PRIOR = "order_products__prior.csv"
TRAIN = "order_products__train.csv"
PRODUCTS = "products.csv"
AISLES = "aisles.csv"
DEPARTMENTS = "departments.csv"
MARTS = ("target_orders", "up_features", "user_features", "prd_features", "candidates")


@dataclass(frozen=True)
class Damage:
    """One kind of bad input: what to replace in which file, and what dbt must say to it."""

    edits: tuple[tuple[str, str, str], ...]
    messages: tuple[str, ...]
    built: tuple[str, ...] = ()  # marts that do not depend on what is damaged, or that show it


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


def edit(shop: Workspace, edits: tuple[tuple[str, str, str], ...]) -> None:
    """Replace text in raw files."""
    for name, old, new in edits:
        text = (shop.raw / name).read_text(encoding="utf-8")
        assert old in text, f"{name} does not hold {old!r}"
        (shop.raw / name).write_text(text.replace(old, new), encoding="utf-8")


def assert_kept(shop: Workspace, good_shop: Workspace, built: tuple[str, ...] = ()) -> None:
    """Check that marts and data.csv are those of the last good build, and not built again."""
    view = "select sql from duckdb_views() where schema_name = 'next_basket' and view_name = '{}'"
    for mart in set(MARTS) - set(built):
        rows = f"select * from {mart} order by all"
        assert query(shop, view.format(mart)) == query(good_shop, view.format(mart)), mart
        assert query(shop, rows) == query(good_shop, rows), mart
        assert query(shop, rows), mart
    assert shop.data.read_bytes() == good_shop.data.read_bytes()


UNREADABLE_FILES = {
    "missing-column": Damage(
        ((AISLES, "aisle_id,aisle", "aisle_id,name"),),
        ("aisles.csv has no column aisle: its header is 'aisle_id,name'",),
    ),
    "wrong-header": Damage(
        ((ORDERS, FILES[ORDERS].splitlines()[0], "id,shopper,set,number,dow,hour,days"),),
        (
            (
                "orders.csv has no column order_id, user_id, eval_set, order_number, order_dow,"
                " order_hour_of_day, days_since_prior_order: its header is"
                " 'id,shopper,set,number,dow,hour,days'"
            ),
        ),
    ),
    "semicolons": Damage(
        ((ORDERS, ",", ";"),),
        ("orders.csv is separated by semicolons, not by commas: column order_id was not found",),
    ),
    "tabs": Damage(
        ((PRIOR, ",", "\t"),),
        (
            (
                "order_products__prior.csv is separated by tabs, not by commas:"
                " column order_id was not found"
            ),
        ),
    ),
    "zero-bytes": Damage(
        ((PRODUCTS, FILES[PRODUCTS], ""),), ("products.csv is empty: it has no header",)
    ),
    "header-only": Damage(
        ((ORDERS, FILES[ORDERS].partition("\n")[2], ""),),
        ("orders.csv is empty: it has a header and no rows",),
    ),
    "too-few-fields": Damage(
        ((PRIOR, "12,100,1,1", "12,100,1"),),
        ("order_products__prior.csv", "Line: 4", "Expected Number of Columns: 4 Found: 3"),
    ),
}

# each sentence stands in one message per file, so one build shows a damage of every column
BAD_VALUES = {
    "not-a-number-in-orders": Damage(
        (
            (ORDERS, "11,1,prior,1,0,08,\n", "abc,1,prior,1,0,08,\n"),
            (ORDERS, "12,1,prior,2,1,09,7.0", "abd,abc,Prior,abc,abc,abc,abc"),
            (ORDERS, "13,1,prior,3,2,10,30.0", "13,1,prior,3,abc,10,abc"),
            (ORDERS, "21,2,prior,1,4,12,\n", "21,2,,1,4,12,\n"),
        ),
        (
            (
                "raw.orders: order_id is not a whole number in 2 rows, for example 'abc'."
                " user_id is not a whole number in 1 row, for example 'abc'."
                " order_number is not a whole number in 1 row, for example 'abc'."
                " order_dow is not a whole number in 2 rows, for example 'abc'."
                " order_hour_of_day is not a whole number in 1 row, for example 'abc'."
                " days_since_prior_order is not empty or whole days in 2 rows, for example 'abc'."
                " eval_set is not one of prior, train, test in 2 rows, for example an empty field."
            ),
        ),
    ),
    "numbers-that-do-not-belong-in-orders": Damage(
        (
            (ORDERS, "11,1,prior,1,0,08,\n", "1.5,,prior,-1,0,08,\n"),
            (ORDERS, "12,1,prior,2,1,09,7.0", "12,1,prior,2,1e0, 9,7.5"),
            (ORDERS, "13,1,prior,3,2,10,30.0", "13,1,prior,3,2,10,-30.0"),
            (ORDERS, "22,2,prior,2,5,13,14.0", "22,2,prior,2,5,13,nan"),
        ),
        (
            (
                "raw.orders: order_id is not a whole number in 1 row, for example '1.5'."
                " user_id is not a whole number in 1 row, for example an empty field."
                " order_number is not a whole number in 1 row, for example '-1'."
                " order_dow is not a whole number in 1 row, for example '1e0'."
                " order_hour_of_day is not a whole number in 1 row, for example ' 9'."
                " days_since_prior_order is not empty or whole days in 3 rows, for example '-30.0'."
            ),
        ),
    ),
    "unknown-eval-set": Damage(
        ((ORDERS, "12,1,prior,", "12,1,Prior,"),),
        ("raw.orders: eval_set is not one of prior, train, test in 1 row, for example 'Prior'.",),
    ),
    "bad-values-in-the-other-files": Damage(
        (
            (PRIOR, "11,200,2,0", "11,,abc,2"),
            (TRAIN, "14,400,2,0", "1_4,4e2,-2,"),
            (PRODUCTS, "100,Oat Drink,1,1", ",Oat Drink,0x1, 1"),
            (AISLES, "2,bread", "+2,bread"),
            (DEPARTMENTS, "1,dairy", "1.0,dairy"),
        ),
        (
            (
                "raw.order_products__prior: product_id is not a whole number in 1 row,"
                " for example an empty field."
                " add_to_cart_order is not a whole number in 1 row, for example 'abc'."
                " reordered is not one of 0, 1 in 1 row, for example '2'."
            ),
            (
                "raw.order_products__train: order_id is not a whole number in 1 row,"
                " for example '1_4'."
                " product_id is not a whole number in 1 row, for example '4e2'."
                " add_to_cart_order is not a whole number in 1 row, for example '-2'."
                " reordered is not one of 0, 1 in 1 row, for example an empty field."
            ),
            (
                "raw.products: product_id is not a whole number in 1 row,"
                " for example an empty field."
                " aisle_id is not a whole number in 1 row, for example '0x1'."
                " department_id is not a whole number in 1 row, for example ' 1'."
            ),
            "raw.aisles: aisle_id is not a whole number in 1 row, for example '+2'.",
            "raw.departments: department_id is not a whole number in 1 row, for example '1.0'.",
        ),
        built=("target_orders",),
    ),
}

# dbt prints `FAIL <count> <test>`, and the name of a test names model and column
BAD_ROWS = {
    "duplicate-order": Damage(
        ((ORDERS, "32,3,train,", "31,3,train,"),), ("FAIL 1 unique_stg_orders_order_id",)
    ),
    "duplicate-order-number": Damage(
        ((ORDERS, "13,1,prior,3,", "13,1,prior,2,"),),
        ("FAIL 1 unique_key_stg_orders_user_id__order_number",),
    ),
    "duplicate-line": Damage(
        ((PRIOR, "11,200,2,0\n", "11,200,2,0\n11,200,3,0\n"),),
        ("FAIL 1 unique_key_stg_order_products_order_id__product_id",),
        built=("target_orders",),
    ),
    "duplicate-product-and-unknown-aisle": Damage(
        (
            (PRODUCTS, "100,Oat Drink,1,1\n", "100,Oat Drink,1,1\n100,Oat Milk,1,1\n"),
            (PRODUCTS, 'Loaf",2,2', 'Loaf",77,78'),
        ),
        (
            "FAIL 1 unique_stg_products_product_id",
            "FAIL 1 relationships_stg_products_aisle_id__aisle_id__ref_stg_aisles_",
            "FAIL 1 relationships_stg_products_department_id__department_id__ref_stg_departments_",
        ),
        built=("target_orders",),
    ),
    "line-without-order": Damage(
        ((PRIOR, "11,200,2,0\n", "11,200,2,0\n98,200,1,0\n99,200,1,0\n"),),
        ("FAIL 2 foreign_key_stg_order_products_order_id__eval_set__ref_stg_orders_",),
        built=("target_orders",),
    ),
    "line-without-product": Damage(
        ((PRIOR, "11,200,2,0\n", "11,200,2,0\n11,999,3,0\n"),),
        ("FAIL 1 relationships_stg_order_products_product_id__product_id__ref_stg_products_",),
        built=("target_orders",),
    ),
    "prior-line-of-a-train-order": Damage(
        ((PRIOR, "11,200,2,0\n", "11,200,2,0\n14,300,3,1\n"),),
        ("FAIL 1 foreign_key_stg_order_products_order_id__eval_set__ref_stg_orders_",),
        built=("target_orders",),
    ),
    "two-orders-to-predict": Damage(
        ((ORDERS, "22,2,prior,", "22,2,test,"),),
        ("FAIL 1 stg_orders_eval_set_marks_one_order_to_predict_the_last",),
    ),
    "order-to-predict-is-not-the-last": Damage(
        ((ORDERS, "23,2,test,3,6,14,3.0\n", "23,2,test,3,6,14,3.0\n24,2,prior,4,0,15,1.0\n"),),
        ("FAIL 1 stg_orders_eval_set_marks_one_order_to_predict_the_last",),
    ),
    "gap-in-order-numbers": Damage(
        ((ORDERS, "14,1,train,4,", "14,1,train,5,"),),
        ("FAIL 1 stg_orders_order_number_has_no_gap",),
    ),
    "weekday-7-and-hour-24": Damage(
        ((ORDERS, "12,1,prior,2,1,09,", "12,1,prior,2,7,24,"),),
        (
            "FAIL 1 within_range_stg_orders_order_dow__6__0",
            "FAIL 1 within_range_stg_orders_order_hour_of_day__23__0",
        ),
    ),
    "interval-on-a-first-order-and-none-later": Damage(
        (
            (ORDERS, "11,1,prior,1,0,08,\n", "11,1,prior,1,0,08,3.0\n"),
            (ORDERS, "22,2,prior,2,5,13,14.0", "22,2,prior,2,5,13,"),
        ),
        ("FAIL 2 stg_orders_days_since_prior_order_is_null_in_first_order_only",),
    ),
    "reordered-1-at-a-first-purchase-and-0-at-a-repeat": Damage(
        ((PRIOR, "11,200,2,0", "11,200,2,1"), (PRIOR, "22,100,2,1", "22,100,2,0")),
        (
            "FAIL 2 stg_order_products_reordered_agrees_with_history",
            "FAIL 2 up_reorders_are_lines_less_the_first",
        ),
        built=("target_orders",),
    ),
    "two-wrong-reordered-that-cancel-out": Damage(
        ((PRIOR, "11,100,1,0", "11,100,1,1"), (PRIOR, "12,100,1,1", "12,100,1,0")),
        ("FAIL 1 stg_order_products_reordered_agrees_with_history",),
        built=("target_orders",),
    ),
    # found when all marts are there: whether a line of the basket is a repeat is no feature
    "wrong-reordered-in-a-train-basket": Damage(
        ((TRAIN, "14,100,1,1", "14,100,1,0"), (TRAIN, "14,400,2,0", "14,400,2,1")),
        ("FAIL 2 stg_order_products_reordered_agrees_with_history_in_targets",),
        built=MARTS,
    ),
}


@pytest.mark.parametrize("damage", UNREADABLE_FILES.values(), ids=UNREADABLE_FILES.keys())
def test_unreadable_file_stops_before_any_model_runs(
    shop: Workspace, good_shop: Workspace, damage: Damage
) -> None:
    edit(shop, damage.edits)
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
    edit(shop, damage.edits)
    output = dbt(shop, "build", fails=True)
    for message in damage.messages:
        assert message in output
    assert_kept(shop, good_shop, damage.built)


@pytest.mark.parametrize("damage", BAD_ROWS.values(), ids=BAD_ROWS.keys())
def test_bad_rows_stop_the_build(shop: Workspace, good_shop: Workspace, damage: Damage) -> None:
    edit(shop, damage.edits)
    output = dbt(shop, "build", fails=True)
    for message in damage.messages:
        assert message in output
    assert_kept(shop, good_shop, damage.built)


def test_extra_column_is_one_line_and_changes_nothing(
    shop: Workspace, good_shop: Workspace
) -> None:
    lines = (shop.raw / ORDERS).read_text(encoding="utf-8").splitlines()
    longer = [f"shop,{line}" for line in lines]
    (shop.raw / ORDERS).write_text("\n".join(longer) + "\n", encoding="utf-8")
    output = dbt(shop, "build")
    noted = [line for line in output.splitlines() if "extra column" in line]
    assert len(noted) == 1
    assert noted[0].endswith(f"Raw file {shop.raw / ORDERS}: extra column shop is ignored.")
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

"""Every cell of data.csv equals an independent computation, doubles bit for bit."""

import shutil
import struct
from pathlib import Path

import polars as pl
import pytest

from ml.lake.export import EXPORTED
from tests.python.dbt_project.data_comparison import KEY, read_text_cells
from tests.python.dbt_project.independent_features import compute_data
from tests.python.dbt_project.independent_richer_features import richer_features
from tests.python.dbt_project.shop_builds import (
    build_data,
    build_once,
    contract_columns,
    export_copy,
)
from tests.python.dbt_runs import Workspace, dbt, export, make_workspace, query
from tests.python.tiny_shop import write_uneven_shop


@pytest.fixture(scope="module")
def tiny_in_3_windows(tiny_raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Build the tiny shop with orders_back 0 to 2."""

    def build(folder: Path) -> Workspace:
        raw = Path(shutil.copytree(tiny_raw, folder / "raw"))
        return build_data(folder / "workspace", raw, {"windows": 3})

    return build_once(tmp_path_factory, "tiny-in-3-windows", build)


@pytest.fixture(scope="module")
def real_in_3_windows(instacart_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Build the real sample with orders_back 0 to 2."""
    return build_once(
        tmp_path_factory,
        "real-in-3-windows",
        lambda folder: build_data(folder / "workspace", instacart_dir, {"windows": 3}),
    )


def test_tiny_shop(tiny_in_3_windows: Workspace) -> None:
    assert_equal_to_independent(tiny_in_3_windows, windows=3)


def test_real_sample(real_in_3_windows: Workspace) -> None:
    assert_equal_to_independent(real_in_3_windows, windows=3)


def test_more_windows_leave_the_tiny_shops_window_0_as_it_is(
    built_tiny_shop: Workspace, tiny_in_3_windows: Workspace, tmp_path: Path
) -> None:
    one_window = export_copy(built_tiny_shop, tmp_path / "one-window")
    assert_starts_with(tiny_in_3_windows.data, one_window.data)


def test_more_windows_leave_the_real_samples_window_0_as_it_is(
    instacart_dir: Path, real_in_3_windows: Workspace, tmp_path: Path
) -> None:
    one_window = build_data(tmp_path / "one-window", instacart_dir, {"windows": 1})
    assert_equal_to_independent(one_window, windows=1)
    assert_starts_with(real_in_3_windows.data, one_window.data)


def assert_starts_with(three_windows: Path, one_window: Path) -> None:
    more, fewer = three_windows.read_bytes(), one_window.read_bytes()
    assert len(more) > len(fewer)
    assert more.startswith(fewer)
    assert set(read_text_cells(one_window)["orders_back"]) == {"0"}
    assert read_text_cells(three_windows)["orders_back"].eq("0").sum() == fewer.count(b"\n") - 1


def assert_equal_to_independent(workspace: Workspace, windows: int) -> None:
    """Compare the set of rows, their order, and every cell of every column."""
    columns = contract_columns(workspace)
    found = read_text_cells(workspace.data)
    base = compute_data(workspace.raw, windows)
    richer = richer_features(workspace.raw, windows)
    assert richer.height == base.height
    expected = base.join(richer, on=KEY, validate="1:1").sort(KEY)
    assert set(expected.columns) == {column["name"] for column in columns}
    assert found.height == expected.height
    for column in columns:
        # a column without any value has neither type
        if expected[column["name"]].dtype != pl.Null:
            is_double = expected[column["name"]].dtype == pl.Float64
            assert is_double == (column["type"] in {"double", "real"}), column["name"]
    different = {}
    for name, kind in ((column["name"], column["type"]) for column in columns):
        pairs = [
            (value, text)
            for value, text in zip(expected[name], found[name], strict=True)
            if not is_same(value, text, kind)
        ]
        if pairs:
            different[name] = (len(pairs), pairs[:3])
    assert different == {}


def is_same(value: float | str | None, text: str | None, kind: str) -> bool:
    """Tell if a cell's text stands for this value: the same bits, the same digits, or nothing."""
    if value is None or text is None:
        return value is None and text is None
    if isinstance(value, float):
        bits = "f" if kind == "real" else "d"
        return struct.pack(bits, value) == struct.pack(bits, float(text))
    return str(value) == text


@pytest.fixture(scope="module")
def uneven(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, str]:
    """Build and test the uneven shop; give what was printed too."""
    folder = tmp_path_factory.mktemp("uneven")
    (folder / "raw").mkdir()
    write_uneven_shop(folder / "raw")
    shop = make_workspace(folder / "workspace", folder / "raw")
    printed = dbt(shop, "build", variables={"windows": 2})
    export(shop)
    return shop, printed


def test_uneven_shop(uneven: tuple[Workspace, str]) -> None:
    """Here shopper 1 has bought from both departments of aisle 2."""
    assert_equal_to_independent(uneven[0], windows=2)


def test_a_shopper_without_history_is_asked_for_and_has_no_candidate(
    uneven: tuple[Workspace, str],
) -> None:
    shop, _ = uneven
    targets = "select user_id, eval_set, order_number, user_orders from target_features"
    assert query(shop, f"{targets} where user_id in (4, 5) order by user_id") == [
        (4, "train", 1, None),
        (5, "test", 1, None),
    ]
    asked = "select user_id from target_orders where orders_back = 0 order by user_id"
    assert query(shop, asked) == [(1,), (2,), (3,), (4,), (5,)]
    assert query(shop, asked.replace("target_orders", "discovery_users")) == query(shop, asked)
    assert set(read_text_cells(shop.data)["user_id"]) == {"1", "2", "3"}


def test_incomplete_baskets_are_counted(uneven: tuple[Workspace, str]) -> None:
    """Orders with a line: 11, 12, 13, 21, 22, 31, 14 and 41; of one line: 21 and 31."""
    _, printed = uneven
    assert "1 of 3 train orders have no line: their baskets count as unknown." in printed
    assert (
        "2 of 8 orders have cart places (add_to_cart_order) that are not 1 to n: 2 of 6 orders of"
        " several lines have two products in one place."
    ) in printed
    assert "no cart order" not in printed
    assert "prior orders have no line" not in printed


def test_the_order_of_raw_rows_changes_no_byte(
    uneven: tuple[Workspace, str], tmp_path: Path
) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    write_uneven_shop(raw, backwards=True)
    backwards = build_data(tmp_path / "workspace", raw, {"windows": 2})
    names = ("data.csv", "contract.json", *(f"{table}.parquet" for table in EXPORTED))
    for name in names:
        found, expected = backwards.lake / name, uneven[0].lake / name
        assert found.read_bytes() == expected.read_bytes(), name

"""What is known only when the order starts stays in the columns that are marked so."""

import shutil
from pathlib import Path

import polars as pl

from tests.python.dbt_project.data_comparison import changed_cells
from tests.python.dbt_project.shop_builds import build_data, contract_columns, write_sample_shop

TARGET_CONTEXT = {"order_dow", "order_hour_of_day", "days_since_prior_order"}


def test_start_of_the_target_order_changes_only_marked_columns(tmp_path: Path) -> None:
    raw = write_sample_shop(tmp_path / "raw", users=40)
    changed_raw = change_start_of_targets(raw, tmp_path / "changed-raw")
    before = build_data(tmp_path / "before", raw, {"windows": 2})
    after = build_data(tmp_path / "after", changed_raw, {"windows": 2})

    columns = contract_columns(before)
    marked = {column["name"] for column in columns if column["context"] == "order_start"}
    assert {column["context"] for column in columns} == {None, "order_start"}
    assert marked >= TARGET_CONTEXT
    assert all(name.startswith("ctx_") for name in marked - TARGET_CONTEXT)
    assert {column["name"] for column in columns if column["name"].startswith("ctx_")} <= marked

    assert changed_cells(before.data, after.data, orders_back=0).keys() == marked
    assert changed_cells(before.data, after.data, orders_back=1) == {}


def change_start_of_targets(raw: Path, folder: Path) -> Path:
    """Copy raw files, with another weekday, hour and interval of each order to predict."""
    shutil.copytree(raw, folder)
    orders = pl.read_csv(raw / "orders.csv")
    other = {
        "order_dow": (pl.col("order_dow") + 3) % 7,
        "order_hour_of_day": (pl.col("order_hour_of_day") + 5) % 24,
        "days_since_prior_order": (pl.col("days_since_prior_order") + 10) % 31,
    }
    is_target = pl.col("eval_set") != "prior"
    orders.with_columns(
        pl.when(is_target).then(value).otherwise(pl.col(name)).alias(name)
        for name, value in other.items()
    ).write_csv(folder / "orders.csv")
    return folder

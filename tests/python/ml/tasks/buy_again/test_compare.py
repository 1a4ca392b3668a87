"""The comparison with the live run: the same orders, and neither run judged on what it has seen."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import Result

Compare = Callable[[Path, Path], dict[str, Any]]


@pytest.fixture
def compare(ml: Callable[..., Result], trained: Path, shop: Path, tmp_path: Path) -> Compare:
    """Compare the trained run with a live one."""

    def run(live: Path, targets: Path) -> dict[str, Any]:
        out = tmp_path / "comparison.json"
        command = ["compare", "--data", shop, "--run", trained, "--live", live]
        result = ml(*command, "--live-targets", targets, "--out", out)
        assert result.exit_code == 0, result.output
        compared: dict[str, Any] = json.loads(out.read_text())
        return compared

    return run


@pytest.fixture
def live(trained: Path, tmp_path: Path) -> Path:
    """Give a copy of the trained run, to be changed."""
    shutil.copytree(trained, tmp_path / "live")
    return tmp_path / "live"


def test_run_is_as_good_as_itself(compare: Compare, trained: Path, shop: Path) -> None:
    same = compare(trained, shop.with_name("targets.parquet"))
    assert same["rows_new_to_live"] == 0
    assert same["live_f1"] == same["same_orders_f1"] > 0


def test_worse_live_run_is_worse(compare: Compare, live: Path, shop: Path) -> None:
    out_of_fold = pl.read_parquet(live / "oof.parquet")
    upside_down = out_of_fold.with_columns((1 - pl.col("order-start", "pre-order")).name.keep())
    upside_down.write_parquet(live / "oof.parquet")
    compared = compare(live, shop.with_name("targets.parquet"))
    assert compared["live_f1"] < compared["same_orders_f1"] - 0.05


def test_orders_that_came_later_are_scored_by_the_live_model(
    compare: Compare, live: Path, shop: Path, tmp_path: Path
) -> None:
    targets = pl.read_parquet(shop.with_name("targets.parquet"))
    older = targets.with_columns(order_id=pl.col("order_id") + 1_000_000)
    older.write_parquet(tmp_path / "older.parquet")
    later = compare(live, tmp_path / "older.parquet")
    rows = pl.read_parquet(live / "oof.parquet").height
    assert later["rows_new_to_live"] == rows
    assert later["live_f1"] != later["same_orders_f1"], "the model's scores, not those out of fold"


def test_live_run_of_other_columns_is_refused(
    ml: Callable[..., Result], trained: Path, live: Path, shop: Path, tmp_path: Path
) -> None:
    features = json.loads((live / "features.json").read_text())
    features["contract_hash"] = "0" * 64
    (live / "features.json").write_text(json.dumps(features))
    command = ["compare", "--data", shop, "--run", trained, "--live", live]
    targets = shop.with_name("targets.parquet")
    result = ml(*command, "--live-targets", targets, "--out", tmp_path / "comparison.json")
    assert result.exit_code == 1
    assert "trained on other columns" in result.output
    assert not (tmp_path / "comparison.json").exists()

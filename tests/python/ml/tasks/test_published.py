"""What every task predicts for the lake comes back to it as tables."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from click.testing import Result

from ml.data.reading import open_data
from ml.tasks.registry import TASKS
from tests.python.dbt_runs import Workspace, dbt, query
from tests.python.ml.invented_shop import with_texts_and_times
from tests.python.ml.task_runs import copy_data

Ml = Callable[..., Result]
PER_TASK = "select task, count(*), count(distinct user_id) from {} group by task order by task"


@pytest.fixture
def runs(buy_again_run: Path, discovery_run: Path, next_run: Path) -> dict[str, Path]:
    """Give a run of each task."""
    found = (buy_again_run, discovery_run, next_run)
    return {task.name: run for task, run in zip(TASKS, found, strict=True)}


def test_all_tasks_predictions_are_tables_with_run_version_and_time(
    ml: Ml,
    built: Workspace,
    runs: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop = replace(built, lake=tmp_path / "lake", target=tmp_path / "target")
    shutil.copytree(built.lake, shop.lake)
    monkeypatch.setenv("LAKE_DIR", str(shop.lake))
    own = {"buy-again": "scores", "discovery": "recommendations", "next-in-cart": "next"}
    rows = []
    for task, run in runs.items():
        out = tmp_path / task
        for name in ("monday", "tuesday"):
            command = ("predict", "--task", task, "--run", run, "--out", out, "--name", name)
            result = ml(*command)
            assert result.exit_code == 0, result.output
        predicted = pl.read_parquet(out / f"{own[task]}.parquet")
        rows.append((task, predicted.height, predicted["user_id"].n_unique()))
    users = open_data(shop.data).orders_to_predict()["user_id"].n_unique()
    assert [shoppers for _, _, shoppers in rows[1:]] == [users, users]
    dbt(shop, "build", "--select", "stg_recommendations", "source:predictions")
    assert query(shop, PER_TASK.format("predictions.latest")) == rows
    everything = [(task, 2 * count, shoppers) for task, count, shoppers in rows]
    assert query(shop, PER_TASK.format("predictions.history")) == everything
    (discovered,) = query(shop, "select count(*), min(model_version) from stg_recommendations")
    assert discovered == (rows[1][1], runs["discovery"].name)
    sql = "select distinct run from predictions.{} order by run"
    assert query(shop, sql.format("latest")) == [("tuesday",)]
    assert query(shop, sql.format("history")) == [("monday",), ("tuesday",)]
    numbers = "select count(*) from predictions.latest as latest left join target_orders"
    numbers += " using (user_id, order_number) where coalesce(orders_back, 1) != 0"
    assert query(shop, numbers) == [(0,)], "the order that is predicted is named"


@pytest.fixture
def lake(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a lake of one's own, which LAKE_DIR names, with what was exported alone."""
    lake = copy_data(data, tmp_path / "lake").parent
    monkeypatch.setenv("LAKE_DIR", str(lake))
    return lake


@pytest.mark.parametrize(
    "asked",
    [
        "buy-again --decision top-10",
        "discovery --department sauces",
        "next-in-cart --only new",
    ],
)
def test_a_part_is_not_given_back_to_the_lake(
    ml: Ml, lake: Path, runs: dict[str, Path], tmp_path: Path, asked: str
) -> None:
    task, *option = asked.split()
    out = tmp_path / "out"
    result = ml("predict", "--task", task, "--run", runs[task], "--out", out, *option)
    assert result.exit_code == 0, result.output
    assert not (lake / "predictions").exists()
    assert not (out / "predictions.parquet").exists()


def test_ids_that_are_text_and_times_come_through(
    ml: Ml, data: Path, runs: dict[str, Path], tmp_path: Path
) -> None:
    """Nobody's cart is unknown: empty ones are those of the shop's own shoppers."""
    copied = copy_data(data, tmp_path / "data")
    with_texts_and_times(copied)
    for task, run in runs.items():
        out = tmp_path / task
        result = ml("predict", "--task", task, "--run", run, "--data", copied, "--out", out)
        assert result.exit_code == 0, result.output
        assert " 0 of shoppers that are not known" in result.output or task != "next-in-cart"
        found = pl.read_parquet(out / "predictions.parquet")
        assert found.select(
            (pl.col("user_code") == pl.format("ann {}", "user_id")).all()
            & (pl.col("product_code") == pl.format("5% off {}", "product_id")).all()
            & pl.col("last_ordered_at").is_not_null().all()
        ).item()

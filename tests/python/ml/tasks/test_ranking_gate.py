"""The gate of discovery and of next-in-cart: the best baseline, and the live run's lists."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import Result

from ml.tools.hashes import write_hashes

Ml = Callable[..., Result]
Gate = Callable[..., dict[str, Any]]
MEASURES = {"discovery": "recall@10", "next-in-cart": "HR@10"}


@pytest.fixture(params=MEASURES)
def task(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def new(task: str, request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Give a copy of the task's run, to be changed."""
    run = request.getfixturevalue("discovery_run" if task == "discovery" else "next_run")
    return Path(shutil.copytree(run, tmp_path / "new"))


@pytest.fixture
def live(new: Path, tmp_path: Path) -> Path:
    """Give another one: the live run."""
    return Path(shutil.copytree(new, tmp_path / "live"))


@pytest.fixture
def gate(ml: Ml, task: str, data: Path, new: Path, tmp_path: Path) -> Gate:
    """Hold the new run, and give the verdict."""

    def run(*live: object) -> dict[str, Any]:
        out = tmp_path / "gate.json"
        result = ml("gate", "--task", task, "--data", data, "--run", new, "--out", out, *live)
        verdict: dict[str, Any] = json.loads(out.read_text())
        assert result.exit_code == (0 if verdict["passed"] else 1), result.output
        assert verdict["reason"] in result.output
        return verdict

    return run


def options(live: Path, targets: Path) -> tuple[object, ...]:
    return ("--live", live, "--live-targets", targets)


def change_metrics(run: Path, change: Callable[[dict[str, Any]], None]) -> None:
    metrics = json.loads((run / "metrics.json").read_text())
    change(metrics["ladder"])
    (run / "metrics.json").write_text(json.dumps(metrics))
    write_hashes(run)


def test_floor_is_the_baseline_that_does_best(gate: Gate, new: Path, task: str) -> None:
    ladder = json.loads((new / "metrics.json").read_text())["ladder"]
    means = {rung["name"]: rung["measures"][MEASURES[task]]["mean"] for rung in ladder["rungs"]}
    figures = gate()["figures"]
    assert figures["measure"] == MEASURES[task]
    assert figures["value"] == means["model"]
    # not the model's own lists with another setting
    baselines = {name: mean for name, mean in means.items() if not name.startswith("model")}
    assert figures["floor"] == max(baselines.values()) == baselines[figures["floor_of"]]


def test_run_that_is_proven_worse_than_a_baseline_is_refused(
    gate: Gate, new: Path, task: str
) -> None:
    def worse(ladder: dict[str, Any]) -> None:
        for one in ladder["comparisons"]:
            if (one["baseline"], one["measure"]) == ("popularity", MEASURES[task]):
                one["difference"] = {"mean": -0.9, "low": -0.95, "high": -0.85}

    change_metrics(new, worse)
    verdict = gate()
    assert verdict["figures"]["floor_of"] == "popularity"
    assert "is worse than popularity" in verdict["reason"]


def test_run_is_as_good_as_itself_on_all_that_it_was_judged_on(
    gate: Gate, new: Path, live: Path, data: Path
) -> None:
    verdict = gate(*options(live, data.with_name("target_orders.parquet")))
    same, judged = verdict["live"], json.loads((new / "metrics.json").read_text())["ladder"]
    assert same["orders"] == judged["judged"]["orders"]
    # worked out anew from the lists, and as it was when the run was trained
    assert same["value"] == pytest.approx(verdict["figures"]["value"])
    assert (same["live_value"], same["difference"]) == (same["value"], [0, 0])


def test_run_that_is_below_the_live_one_is_refused(
    gate: Gate, new: Path, live: Path, data: Path
) -> None:
    """The lists of the new run are turned upside down."""
    lists = pl.read_parquet(new / "out_of_fold.parquet")
    lists.with_columns(rank=200 - pl.col("rank")).write_parquet(new / "out_of_fold.parquet")
    if "label" in lists.columns:  # the ten that were last are the first
        upside_down = lists.with_columns(
            rank=(pl.len().over("user_id") + 1 - pl.col("rank")).cast(pl.Int32)
        )
        upside_down.write_parquet(new / "out_of_fold.parquet")
    write_hashes(new)
    verdict = gate(*options(live, data.with_name("target_orders.parquet")))
    assert verdict["live"]["value"] < verdict["live"]["live_value"] - 0.005
    assert "below the live model's" in verdict["reason"]


def test_only_orders_count_that_both_were_judged_on(
    gate: Gate, live: Path, data: Path, tmp_path: Path
) -> None:
    targets = pl.read_parquet(data.with_name("target_orders.parquet"))
    last = targets["user_id"].median()
    some = tmp_path / "some.parquet"
    other = pl.when(pl.col("user_id") > last).then(pl.col("order_id") + 1_000_000)
    targets.with_columns(order_id=other.otherwise("order_id")).write_parquet(some)
    whole = gate(*options(live, data.with_name("target_orders.parquet")))["live"]
    assert 0 < gate(*options(live, some))["live"]["orders"] < whole["orders"]
    targets.with_columns(order_id=pl.col("order_id") + 1_000_000).write_parquet(some)
    alone = gate(*options(live, some))
    assert (alone["live"], alone["passed"]) == (None, True), "the floor alone holds"


def test_run_without_anything_to_judge_passes(gate: Gate, new: Path) -> None:
    change_metrics(new, lambda ladder: ladder.update(rungs=[], comparisons=[]))
    verdict = gate()
    assert (verdict["figures"], verdict["passed"]) == (None, True)

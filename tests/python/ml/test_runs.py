"""A run's folder: whose it is, and who may read it."""

import json
from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from typing import get_args

import pytest
from click.testing import Result

from ml.runs import Task

Ml = Callable[..., Result]
TASKS: tuple[Task, ...] = get_args(Task)


@pytest.fixture
def runs(trained: Path, discovery_run: Path, next_run: Path) -> dict[Task, Path]:
    """Give a finished run of each task."""
    return {"buy-again": trained, "discovery": discovery_run, "next-in-cart": next_run}


@pytest.mark.parametrize("task", TASKS)
def test_a_run_of_another_task_is_refused(
    ml: Ml, runs: dict[Task, Path], data: Path, tmp_path: Path, task: Task
) -> None:
    carts = ["--carts", tmp_path / "carts.csv"] if task == "next-in-cart" else []
    predict = ("predict", "--out", tmp_path / "out", *carts)
    for other in TASKS:
        for command in (("evaluate",), predict) if other != task else ():
            result = ml(*command, "--task", task, "--run", runs[other], "--data", data)
            assert result.exit_code == 1
            assert f"{runs[other]} is a run of {other}, not of {task}" in result.output
    assert not (tmp_path / "out").exists()


def test_only_next_in_cart_is_served(ml: Ml, runs: dict[Task, Path]) -> None:
    for other in ("buy-again", "discovery"):
        result = ml("serve", "--run", runs[other])
        assert result.exit_code == 1
        assert f"is a run of {other}, not of next-in-cart" in result.output


@pytest.mark.parametrize("place", ["--run", "--live"])
def test_only_runs_of_buy_again_are_compared(
    ml: Ml, runs: dict[Task, Path], data: Path, tmp_path: Path, place: str
) -> None:
    named = dict.fromkeys(("--run", "--live"), runs["buy-again"]) | {place: runs["discovery"]}
    result = ml(
        *("compare", "--data", data, "--live-targets", data.with_name("targets.parquet")),
        *("--out", tmp_path / "out.json"),
        *(argument for pair in named.items() for argument in pair),
    )
    assert result.exit_code == 1
    assert "is a run of discovery, not of buy-again" in result.output


def test_there_is_no_report_of_an_unknown_task(ml: Ml, trained: Path, tmp_path: Path) -> None:
    run = copytree(trained, tmp_path / "run")
    features = json.loads((run / "features.json").read_text())
    (run / "features.json").write_text(json.dumps(features | {"task": "rain"}))
    result = ml("report", "--run", run)
    assert result.exit_code == 1
    assert "is a run of rain, not of buy-again or discovery or next-in-cart" in result.output

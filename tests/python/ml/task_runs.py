"""A sample shop with its tables, and a run of discovery and of next-in-cart on it."""

import fcntl
import re
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ml.__main__ import cli
from tests.python.dbt_project.shop_builds import build_data, build_once, write_sample_shop
from tests.python.dbt_runs import Workspace

WINDOWS = 3


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Invent a shop of 150 shoppers and build it; read-only."""

    def build(folder: Path) -> Workspace:
        raw = write_sample_shop(folder / "raw", users=150)
        return build_data(folder / "workspace", raw, {"windows": WINDOWS})

    return build_once(tmp_path_factory, "task-runs", build)


@pytest.fixture(scope="session")
def data(built: Workspace) -> Path:
    """Give the path of its data.csv."""
    return built.data


@pytest.fixture(scope="session")
def buy_again_run(data: Path) -> Path:
    """Give the folder of a run of buy-again, which no test may change."""
    return _train_once(data, "buy-again")


@pytest.fixture(scope="session")
def discovery_run(data: Path) -> Path:
    """Give the folder of a run of discovery, which no test may change."""
    return _train_once(data, "discovery")


@pytest.fixture(scope="session")
def next_run(data: Path) -> Path:
    """Give the folder of a run of next-in-cart, which no test may change."""
    return _train_once(data, "next-in-cart")


def copy_data(data: Path, folder: Path) -> Path:
    """Copy data.csv and what lies beside it into a new folder; give the path of the copy."""
    folder.mkdir()
    for file in data.parent.glob("*.*"):
        if file.suffix in {".csv", ".json", ".parquet"}:
            shutil.copy(file, folder)
    return folder / "data.csv"


def assert_ladder_is_printed(metrics: dict[str, Any], printed: str) -> None:
    """Look for every figure of a ladder with its interval, every comparison and every verdict."""
    lines = [line.rstrip() for line in printed.splitlines()]
    for rung in metrics["ladder"]["rungs"]:
        # each figure stands at the end of a column, and its interval below it
        cells = [
            f"{figure.group()} {below[: figure.end()].split()[-1]}"
            for line, below in pairwise([*lines, ""])
            if line.startswith(f"{rung['name']} ")
            for figure in re.finditer(r"\d\.\d{4}", line)
            if below[: figure.end()].split()
        ]
        for one in rung["measures"].values():
            assert f"{one['mean']:.4f} {one['low']:.3f}-{one['high']:.3f}" in cells
    for comparison in metrics["ladder"]["comparisons"]:
        ends = comparison["difference"]
        # 2.8 standard errors, of which a 95 % interval is 3.92 wide
        detectable = (ends["high"] - ends["low"]) / 1.4
        interval = f"{ends['low']:+.4f} to {ends['high']:+.4f}"
        row = f"{ends['mean']:+.4f} {interval} {detectable:.4f} "
        wanted = f"{comparison['baseline']} {comparison['measure']} {row}{comparison['verdict']}"
        assert wanted in [" ".join(line.split()) for line in lines]
    assert [line for line in lines if line in metrics["ladder"]["verdicts"]] == metrics["ladder"][
        "verdicts"
    ]


def _train_once(data: Path, task: str) -> Path:
    # a name that is also a pattern, which no reader may take it for
    folder = data.parent / "runs [1]" / task / "first"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.parent.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            arguments = ["train", "--task", task, "--data", str(data), "--run", str(folder)]
            result = CliRunner().invoke(cli, arguments)
            assert result.exit_code == 0, (result.output, result.exception)
    return folder

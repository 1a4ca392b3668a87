"""Where data and runs lie if no path is given: the only place of ml that reads the environment."""

import os
from pathlib import Path


def default_data() -> Path:
    """Give the data.csv of the lake: `LAKE_DIR/data.csv`, with `lake` for an unset LAKE_DIR."""
    return _lake() / "data.csv"


def lake_file() -> Path:
    """Give the DuckDB file of the lake: `LAKE_DIR/lake.duckdb`."""
    return _lake() / "lake.duckdb"


def all_runs() -> Path:
    """Give the folder of all runs: RUNS_DIR, with `runs` if it is unset."""
    return Path(os.environ.get("RUNS_DIR") or "runs")


def runs_of(task: str) -> Path:
    """Give the folder of a task's runs: `RUNS_DIR/<task>`."""
    return all_runs() / task


def _lake() -> Path:
    return Path(os.environ.get("LAKE_DIR") or "lake")

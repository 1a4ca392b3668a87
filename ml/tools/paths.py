"""Where raw files, lake and runs lie if no path is given, as the environment says."""

import os
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
"""Folder of the project."""


def project_version() -> str:
    """Give the version of the project, as dbt_project.yml says it."""
    project = yaml.safe_load((ROOT / "dbt_project.yml").read_text(encoding="utf-8"))
    return str(project["version"])


def raw_dir() -> Path:
    """Give the folder of the six raw files: RAW_DIR, with `raw` if it is unset."""
    return Path(os.environ.get("RAW_DIR") or "raw")


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

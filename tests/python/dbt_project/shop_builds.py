"""Build a shop's tables and export its data.csv; invent a larger shop than the tiny one."""

import fcntl
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from glue.__main__ import main as glue
from tests.python.dbt_runs import (
    BUILD_UNTESTED,
    ROOT,
    Workspace,
    dbt,
    export,
    make_workspace,
)


def build_data(
    folder: Path, raw: Path, variables: dict[str, Any], project: Path = ROOT
) -> Workspace:
    """Make a workspace in `folder`, build the tables of `raw` untested and export data.csv."""
    workspace = make_workspace(folder, raw, project)
    dbt(workspace, *BUILD_UNTESTED, variables=variables)
    export(workspace)
    return workspace


def build_once(
    factory: pytest.TempPathFactory, name: str, build: Callable[[Path], Workspace]
) -> Workspace:
    """
    Give a built workspace, read-only, that all test processes of this run share.

    The process that comes first calls `build` with a new folder; the others wait for it.
    """
    base = factory.getbasetemp()
    folder = (base.parent if base.name.startswith("popen-") else base) / name
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        paths = folder / "workspace.json"
        if not paths.exists():
            # also after a build that failed in another process: its error is shown here as well
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            built = {field: str(path) for field, path in asdict(build(folder)).items()}
            paths.write_text(json.dumps(built), encoding="utf-8")
        stored: dict[str, str] = json.loads(paths.read_text(encoding="utf-8"))
    return Workspace(**{field: Path(path) for field, path in stored.items()})


def export_copy(built: Workspace, folder: Path) -> Workspace:
    """Export from a copy of a built lake, which itself may not be written to."""
    lake = folder / "lake"
    lake.mkdir(parents=True)
    # its views name the Parquet files of the built lake by their absolute paths
    shutil.copy(built.lake / "lake.duckdb", lake)
    workspace = replace(built, lake=lake)
    export(workspace)
    return workspace


def write_sample_shop(folder: Path, users: int, seed: int = 3) -> Path:
    """Invent a shop with so many shoppers; the same one every time."""
    arguments = ["sample-shop", "--users", str(users), "--seed", str(seed), "--out"]
    result = CliRunner().invoke(glue, [*arguments, str(folder)])
    assert result.exit_code == 0, result.output
    return folder


def build_small_shop(factory: pytest.TempPathFactory) -> Workspace:
    """Give an invented shop of 40 shoppers with two windows, which is built once for all tests."""

    def build(folder: Path) -> Workspace:
        raw = write_sample_shop(folder / "raw", users=40)
        return build_data(folder / "workspace", raw, {"windows": 2})

    return build_once(factory, "small-shop", build)


def contract_columns(workspace: Workspace) -> list[dict[str, Any]]:
    """Read the columns of data.csv (name, type, description, context) from contract.json."""
    text = (workspace.lake / "contract.json").read_text(encoding="utf-8")
    columns: list[dict[str, Any]] = json.loads(text)["columns"]
    return columns

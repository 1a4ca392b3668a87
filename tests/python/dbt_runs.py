"""Run dbt and the export as a user does: a process of its own, in a workspace of its own."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from tests.python.forked_dbt import DBT_FOLDERS, run_dbt

ROOT = Path(__file__).resolve().parents[2]
DBT = Path(sys.executable).with_name("dbt")
BUILD_UNTESTED = ("build", "--exclude-resource-type", "test", "unit_test")


@dataclass(frozen=True)
class Workspace:
    """The folders of one test: project, raw files, lake, and dbt's target folder."""

    project: Path
    raw: Path
    lake: Path
    target: Path
    profiles: Path

    @property
    def data(self) -> Path:
        """Path of the exported data.csv."""
        return self.lake / "data.csv"


def make_workspace(folder: Path, raw: Path, project: Path = ROOT) -> Workspace:
    """Make the folders of a workspace, with profiles.yml as `make run` copies it."""
    workspace = Workspace(
        project, raw, folder / "lake", folder / "target", profiles=folder / "profiles"
    )
    for made in (workspace.lake, workspace.target, workspace.profiles):
        made.mkdir(parents=True)
    shutil.copy(ROOT / "profiles.yml.example", workspace.profiles / "profiles.yml")
    return workspace


def copy_project(folder: Path) -> Path:
    """Copy the dbt project to `folder`, for a test that changes its text."""
    for name in DBT_FOLDERS:
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "dbt_project.yml", folder)
    return folder


def copy_staging(folder: Path) -> Path:
    """Copy what of the project a test of other models, or seeds, needs: it is parsed fast."""
    for name in ("models/staging", "macros", "seeds", "tests/dbt/generic"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "dbt_project.yml", folder)
    return folder


def environment(workspace: Workspace) -> dict[str, str]:
    """Give the environment variables that make commands work in this workspace."""
    return os.environ | {
        "RAW_DIR": str(workspace.raw),
        "LAKE_DIR": str(workspace.lake),
        "DBT_PROFILES_DIR": str(workspace.profiles),
        "DBT_TARGET_PATH": str(workspace.target),
        "DBT_LOG_PATH": str(workspace.target),
        "DBT_LOG_LEVEL_FILE": "none",
        "NO_COLOR": "1",
    }


def dbt(
    workspace: Workspace,
    *arguments: str,
    variables: dict[str, Any] | None = None,
    fails: bool = False,
) -> str:
    """Run a dbt command and give what it prints; it must succeed, or fail if `fails`."""
    command = ["--no-use-colors", *arguments]
    if variables:
        command += ["--vars", json.dumps(variables)]
    code, output = run_dbt(command, workspace.project, environment(workspace))
    return checked(code, output, fails=fails)


def export(workspace: Workspace, *, fails: bool = False) -> str:
    """Run `python -m ml export` in the workspace and give what it prints."""
    manifest = str(workspace.target / "manifest.json")
    command = [sys.executable, "-m", "ml", "export", "--manifest", manifest]
    return run(command, ROOT, environment(workspace), fails=fails)


def query(workspace: Workspace, sql: str) -> list[tuple[Any, ...]]:
    """Query the lake; tables are named without their schema."""
    with duckdb.connect(workspace.lake / "lake.duckdb", read_only=True) as lake:
        lake.execute("set schema = 'next_basket'")
        return lake.execute(sql).fetchall()


def run(command: list[str], cwd: Path, variables: dict[str, str], *, fails: bool = False) -> str:
    """Run a command and give what it prints; it must succeed, or fail if `fails`."""
    done = subprocess.run(
        command, cwd=cwd, env=variables, capture_output=True, text=True, check=False
    )
    return checked(done.returncode, done.stdout + done.stderr, fails=fails)


def checked(code: int, output: str, *, fails: bool) -> str:
    """Give what a command printed, if it succeeded, or failed if `fails`."""
    assert (code != 0) == fails, output[-6000:]
    return output

"""Where raw files, lake and runs lie if no path is given, and how a path is told to DuckDB."""

import os
import re
from pathlib import Path

import click
import yaml

ROOT = Path(__file__).resolve().parents[2]
"""Folder of the project."""

_DEFAULTS = {"RAW_DIR": "raw", "LAKE_DIR": "lake", "RUNS_DIR": "runs"}

# names that a program of the project would take for another folder than the one that is named
_REFUSED = {
    "~": "begins with ~, which is not replaced by your home here: write it out",
    r".*://": "is an address: name a folder of this machine",
    r".*\\": "holds a backslash, which DuckDB takes for a slash: take a folder without one",
    r".*[\x00-\x1f]": "holds a line break or tab: take a folder without one",
}
_ALSO_REFUSED = {
    "LAKE_DIR": {
        r".*\?": "holds ?, where DuckDB cuts the name of its file: take a folder without one",
        r"(.*/)?#": "has a name that begins with #, where dbt cuts the path: take another one",
    }
}


def project_version() -> str:
    """Give the version of the project, as dbt_project.yml says it."""
    project = yaml.safe_load((ROOT / "dbt_project.yml").read_text(encoding="utf-8"))
    return str(project["version"])


def raw_dir() -> Path:
    """Give the folder of the six raw files: RAW_DIR, or `raw`."""
    return _folder("RAW_DIR")


def default_data() -> Path:
    """Give the data.csv of the lake: `LAKE_DIR/data.csv`."""
    return _folder("LAKE_DIR") / "data.csv"


def lake_file() -> Path:
    """Give the DuckDB file of the lake: `LAKE_DIR/lake.duckdb`."""
    return _folder("LAKE_DIR") / "lake.duckdb"


def all_runs() -> Path:
    """Give the folder of all runs: RUNS_DIR, or `runs`."""
    return _folder("RUNS_DIR")


def runs_of(task: str) -> Path:
    """Give the folder of a task's runs: `RUNS_DIR/<task>`."""
    return all_runs() / task


def path_literal(path: Path, below: str = "") -> str:
    """
    Write a path for what reads files on DuckDB: glob, read_csv, read_parquet, read_blob.

    What writes a file takes a path as it is. The macro of the same name does this in dbt.

    Parameters
    ----------
    path
        Its characters stand for themselves, also those of a pattern.
    below
        A pattern below the path.

    Returns
    -------
    str
        A literal of SQL.

    """
    return text_literal(re.sub(r"[\[*?]", r"[\g<0>]", str(path)) + below)


def text_literal(text: str) -> str:
    """Write a text for SQL."""
    return "'" + text.replace("'", "''") + "'"


def _folder(variable: str) -> Path:
    """
    Give the folder that a variable names; unset or empty it is the default in the project's folder.

    A relative path is relative to the folder that the command runs in, for dbt as well.

    Raises
    ------
    click.ClickException
        If any of the three is a folder that some program of the project cannot take.

    """
    folders = {}
    for name, default in _DEFAULTS.items():
        given = os.environ.get(name) or ""
        # what is printed stays short where commands usually run
        folders[name] = Path(given or (default if Path.cwd() == ROOT else ROOT / default))
        for pattern, problem in (_REFUSED | _ALSO_REFUSED.get(name, {})).items():
            for path in (given, str(folders[name].absolute())):
                if re.match(pattern, path, re.DOTALL):
                    raise click.ClickException(f"{name} is '{path}': it {problem}.")
    return folders[variable]

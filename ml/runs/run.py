"""A run's folder: its files, where `latest` points, and what it must fit."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Any

import click
import polars as pl
from pydantic import TypeAdapter, ValidationError

from ml.data.contract import Context, Contract
from ml.tools.atomic_files import folder_aside, point_link
from ml.tools.hashes import HASHES, check_hash, write_hashes
from ml.tools.machine import peak_memory_mb
from ml.tools.paths import project_version, runs_of

EXAMPLES = "examples.json"
"""Some shoppers to look at, for the report."""

OUT_OF_FOLD = "out_of_fold.parquet"
"""What the models of a run said of those that they had not learnt from."""

CATEGORIES = "categories.json"
"""The ids of each category that a run's models know, in the order of their codes."""

_EVERY_RUN = {
    "features": ("task", "contract_hash"),
    "data": ("fingerprint",),
    "metrics": ("ladder",),
    "parameters": (),
    "environment": ("trained_at",),
}
"""The records of a run, and what each of them holds at least."""

PACKAGES = ("lightgbm", "numpy", "polars", "pyarrow", "scipy")


@dataclass(frozen=True)
class Run:
    """A finished run: its folder and what was written there as JSON."""

    folder: Path
    features: dict[str, Any]
    data: dict[str, Any]
    metrics: dict[str, Any]
    parameters: dict[str, Any]
    environment: dict[str, Any]

    @property
    def task(self) -> str:
        """Name of the task that the run is of."""
        return str(self.features.get("task"))

    def model(self, context: Context) -> Path:
        """Give the path of the model of a context."""
        return model_path(self.folder, context)


def model_path(folder: Path, context: Context) -> Path:
    """Give the path of the model of a context in a run's folder."""
    return folder / f"model-{context}.txt"


def new_run(runs: Path) -> Path:
    """Name a run by the time it starts, in UTC."""
    return runs / time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())


@contextmanager
def write_run(final: Path) -> Iterator[Path]:
    """
    Hand out a temporary folder for a run; at the end name it `final` and point `latest` at it.

    The sha256 of every file is recorded, and `read_run` and whatever reads a file hold it against
    the record.

    Parameters
    ----------
    final
        The run's folder. `latest` is a symbolic link beside it.

    Raises
    ------
    click.ClickException
        Before anything is done, if the folder exists or `latest` is something else than a link.

    """
    latest = final.with_name("latest")
    if final == latest or final.exists():
        raise click.ClickException(f"{final} is there already: name a new folder for the run.")
    if latest.exists() and not latest.is_symlink():
        raise click.ClickException(f"{latest} is not a link to a run: move it away.")
    with folder_aside(final) as aside:
        yield aside
        write_hashes(aside)
    point_link(latest, final)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write one JSON file in readable form."""
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_categories(folder: Path) -> dict[str, list[int]]:
    """
    Read which ids of categories the models of a run know.

    Raises
    ------
    click.ClickException
        If the file is missing or damaged, or not what the run recorded.

    """
    path = folder / CATEGORIES
    check_hash(path)
    try:
        return TypeAdapter(dict[str, list[int]]).validate_json(path.read_bytes(), strict=True)
    except (OSError, ValueError) as error:
        raise click.ClickException(
            f"{path} does not say which ids a model knows ({error}): train again."
        ) from None


def read_json(folder: Path, name: str) -> dict[str, Any]:
    """
    Read one of the JSON files of a run.

    Raises
    ------
    click.ClickException
        If it is missing or damaged, or not what the run recorded.

    """
    check_hash(folder / name)
    try:
        return TypeAdapter(dict[str, Any]).validate_python(
            json.loads((folder / name).read_text(encoding="utf-8"))
        )
    except (OSError, ValueError) as error:
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
        raise click.ClickException(
            f"{folder} is not a finished run ({name}: {reason}): make one with"
            " `python -m ml train`."
        ) from None


def read_run(folder: Path, task: str | None = None) -> Run:
    """
    Read a run's JSON files.

    Parameters
    ----------
    folder
        The run's folder.
    task
        What the run must be of; None takes a run of any task.

    Raises
    ------
    click.ClickException
        If the folder is not that of a finished run, or the run is of another task, or a file is
        not what the run recorded.

    """
    if not (folder / HASHES).exists() and (folder / "features.json").exists():
        raise click.ClickException(
            f"{folder} has no {HASHES}, by which its files could be told from others: train again."
        )
    run = Run(folder, **{name: read_json(folder, f"{name}.json") for name in _EVERY_RUN})
    for name, keys in _EVERY_RUN.items():
        for key in keys:
            if key not in getattr(run, name):
                raise click.ClickException(
                    f"{folder} is not a finished run ({name}.json lacks {key}): make one with"
                    " `python -m ml train`."
                )
    if task and run.task != task:
        raise click.ClickException(
            f"{folder} is a run of {run.task}, not of {task}: name one of its own."
        )
    return run


def finished_run(task: str, fingerprint: str) -> Run | None:
    """
    Give the latest run of a task in RUNS_DIR, if this version of the project made it of some data.

    Raises
    ------
    click.ClickException
        If `latest` is no finished run of the task.

    """
    latest = runs_of(task) / "latest"
    if not latest.exists():
        return None
    run = read_run(latest.resolve(), task)
    made_by = run.environment.get("next_basket")
    return run if run.data["fingerprint"] == fingerprint and made_by == project_version() else None


def scan_run_table(path: Path) -> pl.LazyFrame:
    """
    Open a table of a run.

    Raises
    ------
    click.ClickException
        If the file is missing or damaged, or not what its run recorded.

    """
    check_hash(path)
    try:
        table = pl.scan_parquet(path, glob=False)
        table.collect_schema()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise click.ClickException(f"{path} cannot be read ({error}): train again.") from None
    return table


def check_contract(run: Run, contract: Contract, data: Path) -> None:
    """
    Refuse data of another contract than the run's.

    Raises
    ------
    click.ClickException
        If the hashes differ.

    """
    fitted = run.features["contract_hash"]
    if fitted != contract.hash:
        raise click.ClickException(
            f"the model in {run.folder} was trained on other columns (contract {fitted[:12]}) than"
            f" {data} has (contract {contract.hash[:12]}): train again."
        )


def check_fingerprint(run: Run, found: str, data: Path) -> None:
    """
    Refuse other data than the run was trained on.

    Parameters
    ----------
    run
        The run.
    found
        The fingerprint of the data at hand.
    data
        Path of data.csv.

    Raises
    ------
    click.ClickException
        If the fingerprints differ.

    """
    if run.data.get("fingerprint") != found:
        raise click.ClickException(
            f"the run in {run.folder} was trained on other data than {data}: train first with"
            " `python -m ml train`."
        )


def write_records(folder: Path, records: dict[str, dict[str, Any]], begun: float) -> None:
    """
    Write a run's records, with what every task records of itself: time, memory and versions.

    Parameters
    ----------
    folder
        The run's folder; each record becomes a JSON file of its name.
    records
        By name; `metrics` is among them and is added to, `environment` is added.
    begun
        When the training began, as `time.perf_counter` had it.

    """
    records["metrics"] |= {
        "seconds": time.perf_counter() - begun,
        "peak_memory_mb": peak_memory_mb(),
    }
    records["environment"] = {
        "trained_at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "next_basket": project_version(),
        "python": python_version(),
        **{name: version(name) for name in PACKAGES},
    }
    for name, content in records.items():
        write_json(folder / f"{name}.json", content)

"""Run a model's unit tests many times over: dbt is loaded once, in a process of its own."""

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tests.python.dbt_runs import Workspace, environment


@contextmanager
def dbt_process(workspace: Workspace) -> Iterator[ProcessPoolExecutor]:
    """Start a process in which `unit_test_results` works in this workspace."""
    with ProcessPoolExecutor(
        max_workers=1,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_set_environment,
        initargs=(environment(workspace),),
    ) as process:
        yield process


def unit_test_results(project: Path, model: str) -> dict[str, str]:
    """Run the unit tests of `model` and give each one's name and result: pass, fail or error."""
    from dbt.artifacts.schemas.run import RunExecutionResult  # noqa: PLC0415 slow, and only here
    from dbt.cli.main import dbtRunner  # noqa: PLC0415

    selection = ["--select", f"{model},test_type:unit"]
    done = dbtRunner().invoke(["--quiet", "test", "--project-dir", str(project), *selection])
    if not isinstance(done.result, RunExecutionResult):
        raise TypeError(f"dbt gave no test results: {done.exception}")
    return {
        result.node.name: str(result.status)
        for result in done.result.results
        if result.node.unique_id.startswith("unit_test.")
    }


def _set_environment(variables: dict[str, str]) -> None:
    os.environ.update(variables)

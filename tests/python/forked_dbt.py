"""Run dbt commands, each in a process that is forked from one in which dbt is loaded already."""

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

# loading takes dbt longer than a small command; every other process that is started is a fork
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(
    ["dbt.cli.main", "dbt.adapters.duckdb", "dbt.adapters.athena", __name__]
)


def run_dbt(arguments: Sequence[str], cwd: Path, variables: dict[str, str]) -> tuple[int, str]:
    """
    Run `dbt` with these arguments and wait for its end.

    Parameters
    ----------
    arguments
        Those of the command line, without the program.
    cwd
        Folder to run in.
    variables
        The whole environment of the process.

    Returns
    -------
    int
        Its exit code.
    str
        What it printed, to stdout and stderr in one.

    """
    with tempfile.NamedTemporaryFile() as output:
        process = _PROCESSES.Process(
            target=_dbt, args=(list(arguments), str(cwd), variables, output.name)
        )
        process.start()
        process.join()
        code = process.exitcode
        process.close()
        return code or 0, output.read().decode()


def _dbt(arguments: list[str], cwd: str, variables: dict[str, str], output: str) -> None:
    """Be the command `dbt`."""
    # loaded already where this runs
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager  # noqa: PLC0415
    from dbt.cli.main import cli  # noqa: PLC0415

    printed = os.open(output, os.O_WRONLY | os.O_APPEND)
    os.dup2(printed, sys.stdout.fileno())
    os.dup2(printed, sys.stderr.fileno())
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(variables)
    sys.argv = ["dbt", *arguments]
    try:
        cli(arguments)
    finally:
        # what dbt leaves to the end of the interpreter, to which a fork does not come: the database
        # is closed, so that its file holds what was written
        DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]

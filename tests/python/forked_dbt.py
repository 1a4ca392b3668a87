"""
Run dbt commands, each in a process that is forked from one in which dbt is loaded already.

Most of a small command's time goes to reading the project. So what dbt read is handed on from one
command to the next (dbt's own partial parsing), also to another lake; a changed file is read anew.
"""

import hashlib
import json
import multiprocessing
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TextIO
from unittest.mock import patch

from ml.tools.paths import ROOT

# loading takes dbt longer than a small command; every other process that is started is a fork
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["tests.python.warm_dbt", "dbt.adapters.athena", __name__])

SHARED = ".shared"
"""File in a copy of the project that many commands run in: what is read of it is handed on."""
DBT_FOLDERS = ("models", "macros", "seeds", "analyses", "tests/dbt")
"""What dbt reads beside dbt_project.yml."""


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
    return _in_a_fork(_dbt, list(arguments), str(cwd), variables)


@dataclass(frozen=True)
class Turn:
    """A command that comes after others: what is done before it, and its environment."""

    before: Callable[[], None]
    variables: dict[str, str]


def run_dbt_in_turn(arguments: Sequence[str], cwd: Path, turns: Sequence[Turn]) -> tuple[int, str]:
    """
    Run the same `dbt` command several times in one process, which reads the project once.

    Parameters
    ----------
    arguments
        Those of the command line, without the program; vars and connection are always the same but
        for folders.
    cwd
        Folder to run in.
    turns
        What changes; functions that can be pickled.

    Returns
    -------
    int
        0 if all of them ended well.
    str
        What they printed.

    """
    return _in_a_fork(_dbt_in_turn, list(arguments), str(cwd), list(turns))


def _in_a_fork(target: Callable[..., None], *arguments: Any) -> tuple[int, str]:  # noqa: ANN401
    with tempfile.NamedTemporaryFile() as output:
        process = _PROCESSES.Process(
            target=target, args=(*arguments, output.name, _shared_folder())
        )
        process.start()
        process.join()
        code = process.exitcode
        process.close()
        return code or 0, output.read().decode()


@cache
def _shared_folder() -> Path:
    """Give the folder of what was read of the project as its files are now."""
    digest = hashlib.sha256()
    for name in ("dbt_project.yml", *DBT_FOLDERS):
        for path in (ROOT / name, *sorted((ROOT / name).rglob("*"))):
            if path.is_file():
                digest.update(path.read_bytes())
    folder = Path(tempfile.gettempdir()) / f"next-basket-{os.getuid()}-{digest.hexdigest()[:16]}"
    folder.mkdir(exist_ok=True)
    return folder


def _dbt(
    arguments: list[str], cwd: str, variables: dict[str, str], output: str, shared: Path
) -> None:
    """Be the command `dbt`."""
    from dbt.cli.main import cli  # noqa: PLC0415 - loaded already where this runs

    _prepare(cwd, output, shared)
    _take(variables)
    sys.argv = ["dbt", *arguments]
    try:
        cli(arguments)
    finally:
        _close_database()


def _dbt_in_turn(
    arguments: list[str], cwd: str, turns: list[Turn], output: str, shared: Path
) -> None:
    """Be a program that calls dbt."""
    from dbt.cli.main import dbtRunner  # noqa: PLC0415 - loaded already where this runs

    _prepare(cwd, output, shared)
    manifest: Any = None
    for turn in turns:
        _take(turn.variables)
        turn.before()
        if manifest is None:
            parse = ["parse", *arguments[arguments.index("--vars") :]]
            manifest = dbtRunner().invoke(parse).result
        done = dbtRunner(manifest=manifest).invoke(arguments)
        _close_database()
        if not done.success:
            sys.exit(1)


def _prepare(cwd: str, output: str, shared: Path) -> None:
    printed = os.open(output, os.O_WRONLY | os.O_APPEND)
    os.dup2(printed, sys.stdout.fileno())
    os.dup2(printed, sys.stderr.fileno())
    os.chdir(cwd)
    _hand_on_what_was_read(shared)
    # the same text, in a fifth of the time: `dump` encodes piece by piece in Python
    patch.object(json, "dump", _dump).start()


def _take(variables: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(variables)


def _close_database() -> None:
    """
    Do what dbt leaves to the end of the interpreter, to which a fork does not come.

    The database is closed, so that its file holds what was written.
    """
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager  # noqa: PLC0415

    DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]


def _dump(value: object, file: TextIO, **how: Any) -> None:  # noqa: ANN401
    file.write(json.dumps(value, **how))


def _hand_on_what_was_read(folder: Path) -> None:
    """
    Begin with what another command read, and leave what this one reads for the next.

    dbt reads everything anew if the connection is another one. Of a connection the project's files
    depend on the names of database and schema alone, so lakes in other folders count as the same.
    """
    from dbt.artifacts.resources.base import FileHash  # noqa: PLC0415
    from dbt.parser.manifest import ManifestLoader  # noqa: PLC0415

    state_of = ManifestLoader.build_manifest_state_check
    read_before = ManifestLoader.read_manifest_for_partial_parse
    write = ManifestLoader.write_manifest_for_partial_parse

    def state(loader: ManifestLoader) -> Any:  # noqa: ANN401
        check = state_of(loader)  # type: ignore[no-untyped-call]
        credentials = loader.root_project.credentials
        names = f"{credentials.type} {credentials.database} {credentials.schema}"
        check.profile_hash = FileHash.from_contents(names)
        return check

    def shared(loader: ManifestLoader) -> Path:
        check = loader.manifest.state_check
        project = hashlib.sha256(loader.root_project.project_root.encode()).hexdigest()
        return folder / f"{check.vars_hash.checksum}-{check.profile_hash.checksum}-{project[:16]}"

    def own(loader: ManifestLoader) -> Path:
        return Path(loader.root_project.project_target_path) / "partial_parse.msgpack"

    def read(loader: ManifestLoader) -> Any:  # noqa: ANN401
        if shared(loader).exists() and not own(loader).exists():
            own(loader).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(shared(loader), own(loader))
        return read_before(loader)

    def write_and_share(loader: ManifestLoader) -> None:
        write(loader)  # type: ignore[no-untyped-call]
        project = Path(loader.root_project.project_root)
        if (project == ROOT or (project / SHARED).exists()) and not shared(loader).exists():
            aside = shared(loader).with_suffix(f".{os.getpid()}")
            shutil.copy(own(loader), aside)
            aside.replace(shared(loader))

    # for as long as the process lives
    patch.multiple(
        ManifestLoader,
        build_manifest_state_check=state,
        read_manifest_for_partial_parse=read,
        write_manifest_for_partial_parse=write_and_share,
    ).start()

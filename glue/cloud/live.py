"""The live run: what `publish` wrote of it, and its files, of which each is what was judged."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from glue.settings import Settings, read_settings
from ml.tasks.registry import TASKS
from ml.tools.aws import client
from ml.tools.hashes import sha256_of_folder
from ml.tools.s3 import (
    Location,
    download,
    list_objects,
    path_below,
    read_json,
)


@click.command()
@click.option(
    "--task",
    type=click.Choice([task.name for task in TASKS]),
    required=True,
    help="The task whose model is copied; next-in-cart's answers carts.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="A folder that is not there yet."
)
def fetch(task: str, out: Path) -> None:
    """Copy the live model of a task to a folder, for `python -m ml serve`, and check its sha256."""
    settings = read_settings()
    live = live_run(settings)
    if live is None:
        raise click.ClickException("Nothing is published yet: there is no live run to copy.")
    if out.exists():
        raise click.ClickException(f"{out} is there already: name a folder that is not.")
    out.parent.mkdir(parents=True, exist_ok=True)
    # beside its place, so that what is not what was judged is never there to be served
    with tempfile.TemporaryDirectory(prefix=".next-basket-", dir=out.parent) as aside:
        run, copied = settings.run(live["run"]), Path(aside) / task
        get_checked(run, task, copied, sha256_of_models(live)).rename(out)
    click.echo(f"{out}: {task} of run {live['run']}, as it was judged")


def live_run(settings: Settings) -> dict[str, Any] | None:
    """Give what `publish` wrote last; None before the first time."""
    live: dict[str, Any] | None = read_json(client("s3"), settings.live, "current.json")
    return live


def sha256_of_models(live: Mapping[str, Any]) -> dict[str, str]:
    """
    Give the sha256 of the live run's model files, by task and name.

    Raises
    ------
    click.ClickException
        If the run was published before they were written down.

    """
    if "sha256" not in live:
        raise click.ClickException(
            f"Live run {live['run']} was published without the sha256 of its models: delete"
            " live/current.json and publish a new run."
        )
    digests: dict[str, str] = live["sha256"]["models"]
    return digests


def get_checked(run: Location, task: str, folder: Path, expected: Mapping[str, str]) -> Path:
    """
    Copy a task's model of a run, and give the folder.

    Parameters
    ----------
    run
        Where the run keeps its files.
    task
        Name of the task.
    folder
        Is made.
    expected
        The sha256 of every model file of the run, by task and name (`buy-again/model.txt`).

    Raises
    ------
    click.ClickException
        If there is no such model, or a file is missing, new or another one.

    """
    get_folder(run, f"models/{task}", folder)
    found = {f"{task}/{name}": digest for name, digest in sha256_of_folder(folder).items()}
    wanted = {name: digest for name, digest in expected.items() if name.startswith(f"{task}/")}
    check_same(run, found, wanted)
    return folder


def check_same(run: Location, found: Mapping[str, str], expected: Mapping[str, str]) -> None:
    """
    Refuse model files that are not those that were judged.

    Raises
    ------
    click.ClickException
        If a file is missing, new or another one; the sentence names the first.

    """
    names = sorted(found.keys() | expected.keys())
    changed = [name for name in names if found.get(name) != expected.get(name)]
    if changed:
        raise click.ClickException(
            f"{run}models/{changed[0]} is not what was judged"
            f" ({len(changed)} of {len(names)} files differ): train the run again."
        )


def get_folder(
    place: Location, name: str, folder: Path, only: tuple[str, ...] | None = None
) -> Path:
    """
    Copy what lies below a place, or of it the files of some names, and give the folder.

    Raises
    ------
    click.ClickException
        If nothing is there, or a key leads out of the folder.

    """
    below = place.below(name)
    objects = {
        found.key.removeprefix(below.prefix): found
        for found in list_objects(client("s3"), below)
        if not found.key.endswith("/")
    }
    if not objects:
        raise click.ClickException(f"{below} is empty: the step before left nothing there.")
    wanted = objects if only is None else objects.keys() & set(only)
    download(client("s3"), [(objects[name], path_below(folder, name)) for name in wanted])
    return folder

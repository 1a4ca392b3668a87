"""The sha256 of files: recorded in a folder when it is finished, checked before a file is read."""

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import click

HASHES = "hashes.json"
"""The sha256 of every other file of a finished folder, by its path below it."""


def sha256_of_file(path: Path) -> str:
    """Give the sha256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_folder(folder: Path) -> dict[str, str]:
    """Give the sha256 of every file in a folder, by its path below it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256_of_file(path) for path in files}


def write_hashes(folder: Path) -> None:
    """Record the sha256 of every file of a folder in its hashes.json."""
    path = folder / HASHES
    path.unlink(missing_ok=True)
    text = json.dumps(sha256_of_folder(folder), indent=2, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def check_hash(path: Path) -> None:
    """
    Refuse a file that is not what its folder's hashes.json says; to be called before it is read.

    A folder without hashes.json is one that is still being written, or no run: it passes. So does a
    file that is missing, which its reader tells. A file is read once for this in a process, unless
    its size or time changes.

    Raises
    ------
    click.ClickException
        If the file has another sha256 than is recorded, or none is, or hashes.json is damaged.

    """
    if not path.is_file():
        return
    try:
        recorded: Any = json.loads((path.parent / HASHES).read_bytes())
        digest = recorded.get(path.name)
    except FileNotFoundError:
        return
    except (OSError, ValueError, AttributeError):
        raise click.ClickException(
            f"{path.parent / HASHES} is damaged, so nothing can be held against it: train again."
        ) from None
    status = path.stat()
    state = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
    if digest != _sha256(path, state):
        raise click.ClickException(
            f"{path} is not what training wrote (its sha256 is not the one in {HASHES}): train"
            " again."
        )


@lru_cache(maxsize=1024)
def _sha256(path: Path, _state: tuple[int, ...]) -> str:
    return sha256_of_file(path)

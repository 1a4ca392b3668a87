"""Files and folders that appear whole or not at all: written aside, then renamed."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def folder_aside(final: Path) -> Iterator[Path]:
    """
    Hand out a temporary folder beside `final`; rename it to `final` at the end.

    Parameters
    ----------
    final
        Folder to make. Its parents are made if they are missing.

    Yields
    ------
    Path
        The empty temporary folder. It is removed if the block fails.

    Raises
    ------
    OSError
        If `final` exists and is not an empty folder.

    """
    final.parent.mkdir(parents=True, exist_ok=True)
    # a folder inside a temporary one has usual permissions; mkdtemp's own is private
    with tempfile.TemporaryDirectory(prefix=f".{final.name}-", dir=final.parent) as scratch:
        aside = Path(scratch) / final.name
        aside.mkdir()
        yield aside
        aside.replace(final)


@contextmanager
def file_aside(final: Path) -> Iterator[Path]:
    """
    Hand out a temporary path beside `final`; rename it to `final` at the end.

    Parameters
    ----------
    final
        File to write or to replace. Its parents are made if they are missing.

    Yields
    ------
    Path
        The path to write to. If the block fails, it is removed and `final` stays as it was.

    """
    final.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{final.name}-", dir=final.parent) as scratch:
        aside = Path(scratch) / final.name
        yield aside
        aside.replace(final)


def point_link(link: Path, target: Path) -> None:
    """
    Make `link` a symbolic link to `target`, a name in the same folder, in one step.

    Raises
    ------
    OSError
        If `link` is a real folder.

    """
    with tempfile.TemporaryDirectory(prefix=f".{link.name}-", dir=link.parent) as scratch:
        aside = Path(scratch) / link.name
        # relative, so that the folder of runs can be moved
        aside.symlink_to(target.name)
        aside.replace(link)

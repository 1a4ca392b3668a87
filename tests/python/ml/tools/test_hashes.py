"""The record of a folder's files, and what is held against it."""

from pathlib import Path

import click
import pytest

from ml.tools import hashes
from ml.tools.hashes import check_hash, sha256_of_file, write_hashes


def test_a_file_is_read_once_unless_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "model.txt"
    file.write_text("trees")
    write_hashes(tmp_path)
    read: list[Path] = []

    def count(path: Path) -> str:
        read.append(path)
        return sha256_of_file(path)

    monkeypatch.setattr(hashes, "sha256_of_file", count)
    for _ in range(3):
        check_hash(file)
    assert read == [file]
    file.write_text("other trees")
    with pytest.raises(click.ClickException, match="is not what training wrote"):
        check_hash(file)
    assert len(read) == 2


def test_a_folder_that_is_being_written_passes(tmp_path: Path) -> None:
    (tmp_path / "model.txt").write_text("trees")
    check_hash(tmp_path / "model.txt")
    check_hash(tmp_path / "missing.txt")

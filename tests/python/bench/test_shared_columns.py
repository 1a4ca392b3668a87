"""The comparison that a benchmark's figures rest on finds every difference."""

from pathlib import Path

import click
import pytest

from bench import shared_columns
from bench.shared_columns import check_shared_columns

ROWS = [f"{row},{row % 7},{row / 3!r},{'' if row % 2 else 1}" for row in range(3000)]


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_columns, "BLOCK_BYTES", 4096)


def write(path: Path, header: str, rows: list[str]) -> Path:
    path.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    return path


@pytest.fixture
def wide(tmp_path: Path) -> Path:
    """Write a file with one column more than the other one, in the middle."""
    rows = [row.replace(",", ",more text here,", 1) for row in ROWS]
    return write(tmp_path / "wide.csv", "key,more,a,b,label", rows)


def test_the_same_text_in_the_shared_columns_passes(tmp_path: Path, wide: Path) -> None:
    assert check_shared_columns(wide, write(tmp_path / "n.csv", "key,a,b,label", ROWS)) == 4


@pytest.mark.parametrize(
    ("row", "text", "column"),
    [
        pytest.param(2999, "2999,3,999.6666666666667,", "b", id="last digit of a double"),
        pytest.param(0, "0,0,0,1", "b", id="another way to write a number"),
        pytest.param(1500, "1500,2,500.0,", "label", id="null for a label"),
    ],
)
def test_one_other_cell_is_found(
    tmp_path: Path, wide: Path, row: int, text: str, column: str
) -> None:
    assert ROWS[row] != text
    other = write(tmp_path / "n.csv", "key,a,b,label", [*ROWS[:row], text, *ROWS[row + 1 :]])
    with pytest.raises(click.ClickException, match=f"differ in {column},"):
        check_shared_columns(wide, other)


def test_rows_that_only_one_file_has_are_found(tmp_path: Path, wide: Path) -> None:
    shorter = write(tmp_path / "n.csv", "key,a,b,label", ROWS[:-1])
    with pytest.raises(click.ClickException, match=r"wide.csv has rows after row 2999"):
        check_shared_columns(wide, shorter)


def test_files_without_a_shared_column_are_an_error(tmp_path: Path, wide: Path) -> None:
    with pytest.raises(click.ClickException, match="no column in common"):
        check_shared_columns(wide, write(tmp_path / "n.csv", "x,y,z,w", ROWS))

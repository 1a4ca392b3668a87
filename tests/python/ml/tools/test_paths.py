"""The three folders: their defaults, what is refused, and how DuckDB is told a name."""

from pathlib import Path

import click
import duckdb
import pytest

from ml.tools import paths
from ml.tools.paths import all_runs, default_data, lake_file, path_literal, raw_dir, runs_of

NAMES = ("week[1]", "a*b", "a?b", "[!a]", "**", "it's", "a#b", 'a"b', "50%", "$HOME", " é ", "{b}")


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin without settings."""
    for variable in ("RAW_DIR", "LAKE_DIR", "RUNS_DIR"):
        monkeypatch.delenv(variable, raising=False)


def test_defaults_are_the_project_s_and_what_is_given_is_relative_to_where_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(paths.ROOT)
    assert (raw_dir(), lake_file()) == (Path("raw"), Path("lake/lake.duckdb"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RUNS_DIR", "")
    assert (raw_dir(), all_runs()) == (paths.ROOT / "raw", paths.ROOT / "runs")
    for name in ("a*b[1]$x", "user_id=7", "a~", str(tmp_path / " #1 '\"%")):
        monkeypatch.setenv("RUNS_DIR", name)
        assert runs_of("buy-again") == Path(name) / "buy-again"
    monkeypatch.setenv("LAKE_DIR", "a [1]")
    assert default_data() == Path("a [1]/data.csv")


@pytest.mark.parametrize(
    ("variable", "folder", "words"),
    [
        ("RAW_DIR", "~/shop", "RAW_DIR is '~/shop': it begins with ~"),
        ("RUNS_DIR", "~", "RUNS_DIR is '~': it begins with ~"),
        ("RAW_DIR", "s3://shop/raw", "it is an address"),
        ("LAKE_DIR", "a\\b", "it holds a backslash"),
        ("LAKE_DIR", "/data/a?b", "LAKE_DIR is '/data/a?b': it holds ?"),
        ("LAKE_DIR", "/data/#1", "begins with #"),
        ("RUNS_DIR", "a\nb", "line break"),
    ],
)
def test_a_setting_that_some_program_would_misread_is_refused_by_all(
    monkeypatch: pytest.MonkeyPatch, variable: str, folder: str, words: str
) -> None:
    monkeypatch.setenv(variable, folder)
    for read in (raw_dir, default_data, lake_file, all_runs):
        with pytest.raises(click.ClickException) as problem:
            read()
        assert variable in problem.value.message
        assert words in problem.value.message


def test_the_lake_is_refused_by_the_folders_above_it_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a?b").mkdir()
    monkeypatch.chdir(tmp_path / "a?b")
    monkeypatch.setenv("LAKE_DIR", "lake")
    with pytest.raises(click.ClickException, match=r"LAKE_DIR is '.*/a\?b/lake': it holds \?"):
        lake_file()


@pytest.mark.parametrize("name", NAMES)
def test_duckdb_reads_the_folder_of_this_very_name(tmp_path: Path, name: str) -> None:
    for folder in (
        name,
        "week1",
        "aXb",
        "x",
        "aXXb",
    ):  # to some of these the names lead as patterns
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "t.csv").write_text(
            f"folder\n{'right' if folder == name else 'wrong'}\n"
        )
    with duckdb.connect() as connection:
        for read in (
            path_literal(tmp_path / name / "t.csv"),
            path_literal(tmp_path / name, "/*.csv"),
        ):
            found = connection.execute(f"from read_csv({read}, header = true)").fetchall()
            assert found == [("right",)]

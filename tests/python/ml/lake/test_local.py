"""A lake that cannot be read says why: a lock is waited for, damage keeps DuckDB's reason."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import duckdb
import pytest

from ml.lake import local
from ml.lake.local import Lake, local_lake

# opens a file, says so, and keeps it until its input ends
HOLD = (
    "import duckdb, sys; held = duckdb.connect(sys.argv[1]);"
    " print('held', flush=True); sys.stdin.read()"
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Give a lake of one partitioned table, in a folder whose name is also a pattern and SQL."""
    folder = tmp_path / "the lake's [1] *"
    folder.mkdir()
    with duckdb.connect(folder / "lake.duckdb") as lake:
        lake.execute("create schema next_basket")
        lake.execute("create schema builds")
        lake.execute(
            "create table builds.tables as select 'next_basket' as schema_name,"
            " 'candidates' as table_name, 'benchmark' as mode, 1 as windows, '1' as version,"
            " [{'name': 'orders', 'bytes': 9, 'modified_at': timestamp '2017-03-05'}] as raw_files"
        )
        for place in (folder, tmp_path / "the lake's 1 x"):  # which the pattern would find as well
            table = place / "next_basket.candidates.a" / "orders_back=0"
            table.mkdir(parents=True)
            lake.sql("select 1 as user_id").write_parquet(str(table / "0.parquet"))
        files = str(folder).replace("'", "''").replace("[", "[[]").replace("*", "[*]")
        lake.execute(
            "create view next_basket.candidates as select user_id, orders_back from read_parquet("
            f"'{files}/next_basket.candidates.a/**/*.parquet', hive_partitioning = true)"
        )
    return folder / "lake.duckdb"


@contextmanager
def held(file: Path) -> Iterator["subprocess.Popen[str]"]:
    """Let another process have the file open."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process


def count(lake: Lake) -> int:
    """Count the candidates."""
    return int(lake.scalar("select count(*) from candidates"))


def refused(file: Path) -> str:
    """Give the sentence that reading the candidates ends with."""
    with (
        pytest.raises(click.ClickException) as problem,
        local_lake(file, "next_basket", ["candidates"]) as lake,
    ):
        count(lake)
    return problem.value.message


def test_the_folder_of_the_candidates_is_found_under_any_name(file: Path) -> None:
    with local_lake(file, "next_basket", ["candidates"]) as lake:
        assert count(lake) == 1
        assert lake.candidates == file.parent / "next_basket.candidates.a"


def test_a_held_file_is_refused_with_its_holder(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(local, "_WAITS", (0,))
    with held(file) as process:
        sentence = refused(file)
        assert sentence.startswith(f"{file} is in use by another program, ")
        assert sentence.endswith(f" (PID {process.pid}): wait for it, or close it.")
    assert f"(PID {process.pid}): waiting" in capsys.readouterr().err


def test_a_file_that_is_let_go_meanwhile_is_read(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with held(file) as process:

        def let_go(_seconds: float) -> None:
            process.communicate()

        monkeypatch.setattr("time.sleep", let_go)
        with local_lake(file, "next_basket", ["candidates"]) as lake:
            assert count(lake) == 1


def test_damage_is_no_lock(file: Path) -> None:
    (parquet,) = file.parent.rglob("*.parquet")
    whole = parquet.read_bytes()
    parquet.write_bytes(whole[:-4])
    sentence = refused(file)
    assert sentence.startswith(f"The tables of {file} cannot be read (")
    assert str(parquet) in sentence
    assert sentence.endswith("run `dbt build` again.")
    parquet.unlink()
    assert "No files found that match" in refused(file)
    for text in (b"", b"no database\n" * 1_000):
        file.write_bytes(text)
        sentence = refused(file)
        assert "it is not a valid DuckDB database file" in sentence
        assert sentence.endswith("move it away and run `dbt build`, which makes it anew.")


def test_what_may_not_be_read_says_so(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", forbidden)  # root may read everything
    assert refused(file) == f"{file} cannot be read: Permission denied."
    monkeypatch.undo()
    file.unlink()
    assert refused(file) == f"{file} is missing: run `dbt build` first."
    file.mkdir()
    assert refused(file) == f"{file} cannot be read: Is a directory."

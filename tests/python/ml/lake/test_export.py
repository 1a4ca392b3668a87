"""The export keeps memory bounded, and swaps a whole set of files or none."""

import weakref
from pathlib import Path

import click
import polars as pl
import pytest
from click.testing import CliRunner, Result

import ml.lake.export
from ml.lake.export import EXPORTED, export
from tests.python import dbt_runs
from tests.python.dbt_project.shop_builds import write_sample_shop
from tests.python.dbt_runs import BUILD_UNTESTED, Workspace, dbt, make_workspace, query

USERS = 40
WRITTEN = ("data.csv", *(f"{name}.parquet" for name in EXPORTED), "contract.json")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Build and export a small shop with two windows."""
    folder = tmp_path_factory.mktemp("exported")
    workspace = make_workspace(folder / "workspace", write_sample_shop(folder / "raw", USERS))
    dbt(workspace, *BUILD_UNTESTED, variables={"windows": 2})
    dbt_runs.export(workspace)
    return workspace


def export_here(workspace: Workspace, out: Path, monkeypatch: pytest.MonkeyPatch) -> Result:
    """Run the export in this process, so that a test can look into it."""
    monkeypatch.setenv("LAKE_DIR", str(workspace.lake))
    arguments = ["--manifest", str(workspace.target / "manifest.json"), "--out", str(out)]
    return CliRunner().invoke(export, arguments)


def test_two_chunks_at_most_are_in_memory_and_none_is_larger_than_it_may_be(
    built: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = 500
    monkeypatch.setattr(ml.lake.export, "CHUNK_ROWS", rows)
    (largest,) = query(
        built, "select max(n) from (select count(*) as n from candidates group by user_id)"
    )[0]
    chunks: list[weakref.ref[pl.DataFrame]] = []
    heights: list[int] = []
    most_alive = 0
    collect = pl.LazyFrame.collect

    def collect_and_count(frame: pl.LazyFrame) -> pl.DataFrame:
        nonlocal most_alive
        chunk = collect(frame)
        chunks.append(weakref.ref(chunk))
        heights.append(chunk.height)
        most_alive = max(most_alive, sum(chunk() is not None for chunk in chunks))
        return chunk

    monkeypatch.setattr(pl.LazyFrame, "collect", collect_and_count)
    done = export_here(built, tmp_path / "data.csv", monkeypatch)
    assert done.exit_code == 0, done.output
    assert len(heights) > 5
    assert max(heights) < rows + largest
    assert most_alive == 2
    assert (tmp_path / "data.csv").read_bytes() == built.data.read_bytes()


def test_tables_are_sorted_by_columns_that_leave_no_tie(built: Workspace) -> None:
    for name, keys in EXPORTED.items():
        table = pl.read_parquet(built.lake / f"{name}.parquet")
        assert table.select(keys).equals(table.select(keys).sort(keys)), name
        assert not table.select(keys).is_duplicated().any(), f"{name} has ties"


def test_data_is_renamed_first_and_the_contract_that_names_it_last(
    built: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    renamed: list[str] = []
    replace = Path.replace

    def replace_and_note(path: Path, target: Path) -> Path:
        renamed.append(target.name)
        # nothing takes its place before everything is written
        assert (tmp_path / "contract.json").exists() == (target.parent != tmp_path)
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", replace_and_note)
    done = export_here(built, tmp_path / "data.csv", monkeypatch)
    assert done.exit_code == 0, done.output
    assert set(renamed) == set(WRITTEN)
    assert renamed[0] == "data.csv"
    assert renamed[-1] == "contract.json"


def test_a_failure_leaves_the_last_good_set(
    built: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert export_here(built, tmp_path / "data.csv", monkeypatch).exit_code == 0
    for name in WRITTEN:
        (tmp_path / name).write_text(f"the last good {name}")

    def write_half(_lake: object, _columns: list[str], path: Path) -> int:
        path.write_text("half")
        raise click.ClickException("broken off")

    monkeypatch.setattr(ml.lake.export, "write_data", write_half)
    done = export_here(built, tmp_path / "data.csv", monkeypatch)
    assert done.exit_code == 1
    assert done.output.endswith("Error: broken off\n")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        name: f"the last good {name}" for name in WRITTEN
    }


def test_the_other_target_s_build_is_refused(
    built: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = built.target / "manifest.json"
    monkeypatch.setenv("LAKE_DIR", str(built.lake))
    arguments = ["--target", "athena", "--manifest", str(manifest)]
    done = CliRunner().invoke(export, [*arguments, "--out", str(tmp_path / "data.csv")])
    assert done.exit_code == 1
    assert done.output == (
        f"Error: {manifest} is of a build on duckdb, not on athena: run `dbt build --target athena`"
        " first, or give the other --target.\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_loads_of_a_shop_that_lay_here_before_are_removed(
    built: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "loads.parquet").touch()
    done = export_here(built, tmp_path / "data.csv", monkeypatch)
    assert done.exit_code == 0, done.output
    assert not (tmp_path / "loads.parquet").exists()
    assert (tmp_path / "shoppers.parquet").exists()

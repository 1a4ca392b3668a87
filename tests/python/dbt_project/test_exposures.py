"""What the lineage says that the tasks read is what the export writes, on both targets."""

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest

import ml.lake.export
from ml.data.tables import CANDIDATES
from ml.lake.export import EXPORTED
from ml.tasks.registry import TASKS
from tests.python.dbt_runs import Workspace


@pytest.fixture(scope="module")
def manifest(built_tiny_shop: Workspace) -> dict[str, Any]:
    """Read the manifest of a build."""
    text = (built_tiny_shop.target / "manifest.json").read_text(encoding="utf-8")
    read: dict[str, Any] = json.loads(text)
    return read


def names_read(manifest: dict[str, Any]) -> dict[str, list[str]]:
    """Give the names of what each exposure depends on."""
    return {
        exposure["name"]: [node.rpartition(".")[2] for node in exposure["depends_on"]["nodes"]]
        for exposure in manifest["exposures"].values()
    }


def test_an_exposure_for_each_task_with_what_it_reads(manifest: dict[str, Any]) -> None:
    expected = {task.name.replace("-", "_"): sorted(task.reads) for task in TASKS}
    assert {name: sorted(read) for name, read in names_read(manifest).items()} == expected


def test_tasks_read_together_exactly_what_is_exported(manifest: dict[str, Any]) -> None:
    read = {name for names in names_read(manifest).values() for name in names}
    assert read == {CANDIDATES, *EXPORTED}


def test_athena_s_export_copies_exactly_these_tables(
    built_tiny_shop: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied: list[str] = []

    def note(_schema: str, names: Sequence[str], _parent: Path) -> AbstractContextManager[None]:
        copied.extend(names)
        return nullcontext()

    monkeypatch.setattr(ml.lake.export, "athena_lake", note)
    build = ml.lake.export.read_build(built_tiny_shop.target / "manifest.json", "local")
    with ml.lake.export._open_lake("athena", build, tmp_path):  # noqa: SLF001
        pass
    assert sorted(copied) == sorted([CANDIDATES, *EXPORTED])


def test_what_is_exported_is_a_table_sorted_by_its_own_columns(manifest: dict[str, Any]) -> None:
    """A view has no files, which is what the export reads on Athena."""
    for name, keys in {CANDIDATES: (), **EXPORTED}.items():
        model = manifest["nodes"][f"model.next_basket.{name}"]
        assert model["config"]["materialized"] == "table", name
        assert set(keys) <= set(model["columns"]), name

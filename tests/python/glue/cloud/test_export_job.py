"""The Spark job, really run, against `python -m ml export`: every cell of every file."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl
import pytest

from ml.lake.export import EXPORTED
from tests.python.dbt_runs import ROOT, Workspace, dbt, environment, export, make_workspace
from tests.python.glue.cloud.spark import SPARK_MISSING, run_export_job

pytestmark = pytest.mark.skipif(bool(SPARK_MISSING), reason=SPARK_MISSING or "")


@pytest.fixture(scope="module")
def exported(
    tiny_raw: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[dict[str, object]], tuple[Path, Path]]:
    """Give a function that builds the tiny shop and exports it in both ways."""

    def both_ways(variables: dict[str, object]) -> tuple[Path, Path]:
        workspace = make_workspace(tmp_path_factory.mktemp("spark"), tiny_raw)
        kinds = ("--exclude", "resource_type:test", "resource_type:unit_test")
        dbt(workspace, "build", *kinds, variables=variables)
        export(workspace)
        plan, tables = workspace.lake / "plan.json", workspace.target / "tables"
        _run(workspace, "export-plan", "--target", "local", "--out", str(plan))
        tables.mkdir()
        with duckdb.connect(workspace.lake / "lake.duckdb", read_only=True) as lake:
            lake.execute("set schema = 'next_basket'")
            for name in ("candidates", *EXPORTED):
                lake.sql(f"select * from {name}").write_parquet(str(tables / f"{name}.parquet"))
        out = workspace.target / "spark"
        run_export_job(plan, tables, out)
        return workspace.lake, out

    return both_ways


def _run(workspace: Workspace, *arguments: str) -> None:
    manifest = str(workspace.target / "manifest.json")
    subprocess.run(
        [sys.executable, "-m", "ml", *arguments, "--manifest", manifest],
        cwd=ROOT,
        env=environment(workspace),
        check=True,
        capture_output=True,
    )


@pytest.mark.parametrize("variables", [{"windows": 2}, {"mode": "live", "windows": 2}])
def test_same_rows_and_values_as_ml_export(
    exported: Callable[[dict[str, object]], tuple[Path, Path]], variables: dict[str, object]
) -> None:
    lake, out = exported(variables)
    ours = pl.read_csv(lake / "data.csv", infer_schema_length=None)
    spark = pl.read_csv(out / "data.csv", infer_schema_length=None)
    assert ours.height > 5
    assert spark.columns == ours.columns
    assert spark.equals(ours), "in order too: both are sorted by the same key"
    assert (out / "contract.json").read_bytes() == (lake / "contract.json").read_bytes()
    siblings = sorted(path.name for path in lake.glob("*.parquet"))
    assert siblings == sorted(path.name for path in out.glob("*.parquet"))
    for name in siblings:
        ours, spark = pl.read_parquet(lake / name), pl.read_parquet(out / name)
        assert spark.schema == ours.schema, name
        assert spark.sort(spark.columns).equals(ours.sort(ours.columns)), name
    assert not list(out.glob("*.parts")), "no folder of parts is left"


def test_export_done_again_or_after_a_kill_leaves_the_same_files(
    exported: Callable[[dict[str, object]], tuple[Path, Path]],
) -> None:
    lake, out = exported({"windows": 2})
    files = {path.name: path.read_bytes() for path in out.iterdir() if path.suffix != ".crc"}
    assert {"data.csv", "contract.json", "target_orders.parquet"} <= files.keys()
    # killed while data.csv is written: no contract.json, without which nothing reads the folder
    (out / "contract.json").unlink()
    (out / "data.csv").write_bytes(files["data.csv"][:100])
    (out / "data.csv.parts").mkdir()
    (out / "data.csv.parts" / "part-of-a-killed-one.csv").write_bytes(files["data.csv"][:50])
    run_export_job(lake / "plan.json", out.parent / "tables", out)
    again = {path.name: path.read_bytes() for path in out.iterdir() if path.suffix != ".crc"}
    assert again.keys() == files.keys()
    assert again["data.csv"] == files["data.csv"]
    assert again["contract.json"] == files["contract.json"]
    for name in files.keys() - {"data.csv", "contract.json"}:
        before, after = (pl.read_parquet(one[name]) for one in (files, again))
        assert after.equals(before), name

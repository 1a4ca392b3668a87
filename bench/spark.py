"""The two ways out of the lake: the Spark job of the cloud beside `python -m ml export`."""

import shutil
import sys
import tempfile
from pathlib import Path

import click
import duckdb
import polars as pl
from rich.console import Console
from rich.table import Table

from bench.measure import ROOT, run_measured
from ml.lake.export import EXPORTED

_SPARK = ROOT / ".venv" / "cloud" / "bin" / "python"
_BLOCK_ROWS = 1_000_000


@click.command("export")
@click.option("--users", default=10_000, show_default=True, help="Shoppers of the sample shop.")
@click.option(
    "--raw",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Raw files to use in place of a sample shop.",
)
def export(users: int, raw: Path | None) -> None:
    """Measure both exports of the same tables, and check that every row and value is the same."""
    if not _SPARK.exists():
        raise click.ClickException("pyspark is not installed: `make test-cloud` installs it.")
    with tempfile.TemporaryDirectory(prefix="next-basket-bench-") as name:
        work = Path(name)
        variables = _build(work, users, raw)
        manifest = str(work / "target" / "manifest.json")
        local = run_measured(
            [sys.executable, "-m", "ml", "export", "--manifest", manifest], variables
        )
        plan, tables, out = work / "plan.json", work / "tables", work / "spark"
        command = [sys.executable, "-m", "ml", "export-plan", "--target", "local"]
        run_measured([*command, "--manifest", manifest, "--out", str(plan)], variables)
        _write_tables(work / "lake" / "lake.duckdb", tables)
        job = [str(_SPARK), str(ROOT / "glue" / "cloud" / "export_job.py"), "--plan", str(plan)]
        spark = run_measured(
            [*job, "--parquet", str(tables), "--out", str(out)], variables | _java() | _driver()
        )
        rows = _check_same(work / "lake" / "data.csv", out / "data.csv")
    grid = Table(box=None, pad_edge=False)
    grid.add_column("export")
    for heading in ("seconds", "memory GB"):
        grid.add_column(heading, justify="right")
    for label, measured in (("python -m ml export", local), ("Spark job, local mode", spark)):
        grid.add_row(label, f"{measured.seconds:.1f}", f"{measured.memory_gb:.2f}")
    Console().print(grid)
    click.echo(f"{rows:,} rows of data.csv, every value the same")


def _build(work: Path, users: int, raw: Path | None) -> dict[str, str]:
    for folder in ("lake", "profiles"):
        (work / folder).mkdir()
    shutil.copy(ROOT / "profiles.yml.example", work / "profiles" / "profiles.yml")
    variables = {
        "RAW_DIR": str(raw or work / "raw"),
        "LAKE_DIR": str(work / "lake"),
        "DBT_PROFILES_DIR": str(work / "profiles"),
        "DBT_TARGET_PATH": str(work / "target"),
        "DBT_LOG_PATH": str(work / "target"),
    }
    if raw is None:
        made = ["--users", str(users), "--out", str(work / "raw")]
        run_measured([sys.executable, "-m", "glue", "sample-shop", *made], variables)
    kinds = ["--exclude-resource-type", "test", "--exclude-resource-type", "unit_test"]
    run_measured([sys.executable, "-m", "dbt.cli.main", "--quiet", "build", *kinds], variables)
    return variables


def _java() -> dict[str, str]:
    # Spark 3.5 runs on Java 17, which need not be the one on PATH
    found = sorted(Path("/usr/lib/jvm").glob("*17*/bin/java"))
    return {"JAVA_HOME": str(found[0].parents[1])} if found else {}


def _driver() -> dict[str, str]:
    return {"PYSPARK_SUBMIT_ARGS": "--master local[2] --driver-memory 3g pyspark-shell"}


def _write_tables(lake: Path, folder: Path) -> None:
    folder.mkdir()
    with duckdb.connect(lake, read_only=True) as connection:
        connection.execute("set schema = 'next_basket'")
        for name in ("candidates", *EXPORTED):
            connection.sql(f"select * from {name}").write_parquet(str(folder / f"{name}.parquet"))


def _check_same(ours: Path, sparks: Path) -> int:
    """Compare block by block, so that memory does not grow with the files."""
    types = pl.scan_csv(ours, infer_schema_length=None, glob=False).collect_schema()
    height = int(pl.scan_csv(ours, schema=types, glob=False).select(pl.len()).collect().item())
    if height != int(
        pl.scan_csv(sparks, schema=types, glob=False).select(pl.len()).collect().item()
    ):
        raise click.ClickException("The exports have different numbers of rows.")
    for start in range(0, height, _BLOCK_ROWS):
        mine, theirs = (
            pl.scan_csv(path, schema=types, glob=False).slice(start, _BLOCK_ROWS).collect()
            for path in (ours, sparks)
        )
        if not mine.equals(theirs):
            raise click.ClickException(
                f"The exports differ between rows {start:,} and {start + mine.height:,}."
            )
    return height

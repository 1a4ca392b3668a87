"""The command line: `python -m bench`."""

import json
import shutil
import sys
import tempfile
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from bench.discovery import discovery
from bench.measure import Measured, run_measured
from bench.ml import ml
from bench.serve import serve
from bench.shared_columns import check_shared_columns
from bench.spark import export
from bench.year import year
from ml.tools.machine import cores

FULL_SIZE = 206_209  # shoppers of the Instacart 2017 data
WORTH_A_ROW = 0.05  # a model that takes this share of the build gets a row of its own

Row = tuple[str, str, str, str]  # what, seconds, of the Polars script's seconds, peak memory


@click.group()
def cli() -> None:
    """Measure the project against what one would write by hand."""


@cli.command()
@click.option(
    "--users",
    type=click.IntRange(min=100),
    multiple=True,
    default=(FULL_SIZE // 8, FULL_SIZE // 4, FULL_SIZE),
    show_default=True,
    help="Shoppers of the synthetic shop; may be given several times.",
)
@click.option(
    "--work",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for shops and lakes, kept afterwards.  [default: a temporary one]",
)
@click.option(
    "--script",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="One more Python script to time; it is called with RAW_DIR and an output folder.",
)
def pipeline(users: tuple[int, ...], work: Path | None, script: Path | None) -> None:
    """
    Raw CSV to data.csv with `windows: 1`, against a Polars script of the base features alone.

    The columns that both files have must hold the same text. What the richer features cost is not
    timed apart: the models that take longest are listed, and both files' columns and bytes.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = work or Path(scratch)
        table = Table(title=f"raw CSV to data.csv, {cores()} cores, synthetic shop")
        for column in ("shoppers", "what", "seconds", "of the Polars script", "peak memory, GB"):
            table.add_column(column, justify="left" if column == "what" else "right")
        for count in users:
            for row in _measure(count, folder / str(count), script):
                table.add_row(f"{count:,}", *row)
            table.add_section()
        Console(width=100).print(table)


def _measure(users: int, folder: Path, script: Path | None) -> list[Row]:
    raw, lake = folder / "raw", folder / "lake"
    python = sys.executable
    if not raw.exists():
        shop = [python, "-m", "glue", "sample-shop", "--users", str(users), "--out", str(raw)]
        run_measured(shop, {})
    places = {
        "RAW_DIR": str(raw),
        "LAKE_DIR": str(lake),
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "target"),
    }

    def build(*options: str) -> Measured:
        shutil.rmtree(lake, ignore_errors=True)
        lake.mkdir(parents=True)
        return run_measured([python, "-m", "dbt.cli.main", "--quiet", "build", *options], places)

    with_tests = build()
    models = build("--exclude-resource-type", "test", "unit_test")
    longest = _seconds_of_models(folder / "target" / "run_results.json")
    manifest = str(folder / "target" / "manifest.json")
    export = run_measured([python, "-m", "ml", "export", "--manifest", manifest], places)
    by_hand = [python, "-m", "bench.polars_peer", "--base", str(raw), str(folder / "peer.csv")]
    peer = run_measured(by_hand, {})
    shared = check_shared_columns(lake / "data.csv", folder / "peer.csv")

    def row(name: str, measured: Measured) -> Row:
        ratio = measured.seconds / peer.seconds
        return name, f"{measured.seconds:.1f}", f"{ratio:.2f}", f"{measured.memory_gb:.2f}"

    rows = [
        row("dbt build, models only", models),
        *_longest_models(longest, models.seconds),
        row("ml export", export),
        row("models and data.csv", models + export),
        row("the same with every test", with_tests + export),
        row("Polars script, base features", peer),
    ]
    if script:
        given = run_measured([python, str(script), str(raw), str(folder / "script")], {})
        rows.append(row(script.name, given))
    for name, file in (("data.csv", lake / "data.csv"), ("the script's file", folder / "peer.csv")):
        with file.open(encoding="utf-8") as opened:
            columns = opened.readline().count(",") + 1
        size = f"{file.stat().st_size / 1e9:.2f} GB"
        rows.append((f"{name}: {columns} columns, {shared} shared, {size}", "", "", ""))
    return rows


def _seconds_of_models(run_results: Path) -> dict[str, float]:
    """Read from dbt's artifact how many seconds each model took."""
    results = json.loads(run_results.read_text(encoding="utf-8"))["results"]
    return {
        result["unique_id"].rpartition(".")[2]: result["execution_time"]
        for result in results
        if result["unique_id"].startswith("model.")
    }


def _longest_models(seconds: dict[str, float], whole: float) -> list[Row]:
    """List the models that take a good share of the build, and what is left for all the rest."""
    longest = sorted(
        (model for model in seconds if seconds[model] >= WORTH_A_ROW * whole),
        key=lambda model: -seconds[model],
    )
    rows = [(f"  of it {model}", f"{seconds[model]:.1f}", "", "") for model in longest]
    rest = whole - sum(seconds[model] for model in longest)
    return [*rows, ("  of it the rest and dbt itself", f"{rest:.1f}", "", "")]


cli.add_command(ml)
cli.add_command(discovery)
cli.add_command(serve)
cli.add_command(export)
cli.add_command(year)

if __name__ == "__main__":
    cli(prog_name="python -m bench")

"""The command line: `python -m bench`."""

import filecmp
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from bench.discovery import discovery
from bench.hosted import hosted
from bench.measure import Measured, run_measured
from bench.ml import ml
from bench.same_tables import DISCOVERY_TABLES, check_same_tables
from bench.serve import serve
from bench.shared_columns import check_shared_columns
from bench.spark import export
from bench.year import year
from ml.tools.machine import cores

FULL_SIZE = 206_209  # shoppers of the Instacart 2017 data

Row = tuple[str, str, str, str]  # what, seconds, how many times a script's seconds, peak memory


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
    Raw CSV to data.csv and discovery's tables, `windows: 1`, against Polars scripts of the same.

    Each script must make the very text and the very cells that the project makes.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = work or Path(scratch)
        table = Table(title=f"raw CSV to data.csv, {cores()} cores, synthetic shop")
        for column in ("shoppers", "what", "seconds", "times Polars", "peak memory, GB"):
            table.add_column(column, justify="left" if column == "what" else "right")
        said = []
        for count in users:
            rows, found = _measure(count, folder / str(count), script)
            for row in rows:
                table.add_row(f"{count:,}", *row)
            table.add_section()
            said.append(f"{count:,} shoppers: {found}")
        console = Console(width=100)
        console.print(table)
        for found in said:
            console.print(found, highlight=False)


def _measure(users: int, folder: Path, script: Path | None) -> tuple[list[Row], str]:
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
    parts = _seconds_of_parts(folder / "target")
    manifest = str(folder / "target" / "manifest.json")
    export = run_measured([python, "-m", "ml", "export", "--manifest", manifest], places)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        by_hand = _run_scripts(raw, Path(scratch))
        found = _check_scripts(lake, Path(scratch))
        if script:
            given = run_measured([python, str(script), str(raw), str(Path(scratch, "given"))], {})

    both = by_hand["data.csv"] + by_hand["discovery"]
    without = Measured(models.seconds - parts["discovery"], models.memory_gb)
    rest = models.seconds - sum(parts.values())
    rows = [
        _row("dbt build, models only", models),
        *((f"  {part}", f"{seconds:.1f}", "", "") for part, seconds in parts.items()),
        ("  seeds, hooks and dbt itself", f"{rest:.1f}", "", ""),
        _row("ml export", export),
        _row("data.csv alone, without discovery", without + export, by_hand["data.csv"]),
        _row("data.csv and discovery", models + export, both),
        _row("the same with every test", with_tests + export, both),
        _row("Polars: data.csv", by_hand["data.csv"]),
        _row("Polars: its base columns alone", by_hand["base"]),
        _row("Polars: discovery's tables", by_hand["discovery"]),
    ]
    if script:
        rows.append(_row(script.name, given))
    return rows, found


def _row(what: str, measured: Measured, by_hand: Measured | None = None) -> Row:
    times = f"{measured.seconds / by_hand.seconds:.2f}" if by_hand else ""
    return what, f"{measured.seconds:.1f}", times, f"{measured.memory_gb:.2f}"


def _seconds_of_parts(target: Path) -> dict[str, float]:
    """Read from dbt's artifacts how many seconds the models of each part took."""
    nodes, results = (
        json.loads((target / name).read_text(encoding="utf-8"))[key]
        for name, key in (("manifest.json", "nodes"), ("run_results.json", "results"))
    )
    parts = dict.fromkeys(("staging", "marts", "candidates", "discovery"), 0.0)
    for result in results:
        node = nodes.get(result["unique_id"], {})
        if node.get("resource_type") == "model":
            parts[_part(node)] += result["execution_time"]
    return parts


def _part(node: dict[str, Any]) -> str:
    folder = Path(node["original_file_path"]).parent.name
    if folder == "features":
        return "candidates" if node["name"] == "candidates" else "marts"
    return "discovery" if folder == "discovery" else "staging"


def _run_scripts(raw: Path, folder: Path) -> dict[str, Measured]:
    python = [sys.executable, "-m"]
    data = [*python, "bench.polars_peer", str(raw)]
    tables = [*python, "bench.polars_discovery_peer", str(raw)]
    return {
        "data.csv": run_measured([*data, str(folder / "data.csv")], {}),
        "base": run_measured([*data, str(folder / "base.csv"), "--base"], {}),
        "discovery": run_measured([*tables, str(folder / "discovery")], {}),
    }


def _check_scripts(lake: Path, folder: Path) -> str:
    """Compare all that the scripts made with what the project made, and say how much it is."""
    data = lake / "data.csv"
    columns = check_shared_columns(data, folder / "data.csv")
    base = check_shared_columns(data, folder / "base.csv")
    if not filecmp.cmp(data, folder / "data.csv", shallow=False):
        raise click.ClickException("The Polars script does not make every column of data.csv.")
    cells = check_same_tables(lake / "lake.duckdb", folder / "discovery", DISCOVERY_TABLES)
    return (
        f"data.csv has {columns} columns, {base} of them base, and {data.stat().st_size / 1e9:.2f}"
        f" GB; discovery {len(DISCOVERY_TABLES)} tables, {cells:,} cells; nothing differs"
    )


cli.add_command(ml)
cli.add_command(discovery)
cli.add_command(serve)
cli.add_command(hosted)
cli.add_command(export)
cli.add_command(year)

if __name__ == "__main__":
    cli(prog_name="python -m bench")

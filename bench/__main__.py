"""The command line: `python -m bench`."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from bench.measure import Measured, run_measured

FULL_SIZE = 206_209  # shoppers of the Instacart 2017 data


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
    """Raw CSV to data.csv with `windows: 1`, against a Polars script that writes the same bytes."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = work or Path(scratch)
        table = Table(
            title=f"raw CSV to data.csv, {len(os.sched_getaffinity(0))} cores, synthetic shop"
        )
        for column in ("shoppers", "what", "seconds", "of the Polars script", "peak memory, GB"):
            table.add_column(column, justify="right" if column != "what" else "left")
        for count in users:
            for name, measured, ratio in _measure(count, folder / str(count), script):
                figures = (f"{measured.seconds:.1f}", f"{ratio:.2f}", f"{measured.memory_gb:.2f}")
                table.add_row(f"{count:,}", name, *figures)
            table.add_section()
        Console(width=100).print(table)


def _measure(users: int, folder: Path, script: Path | None) -> list[tuple[str, Measured, float]]:
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
        dbt = str(Path(python).with_name("dbt"))
        return run_measured([dbt, "--quiet", "build", *options], places)

    with_tests = build()
    models = build("--exclude-resource-type", "test", "unit_test")
    manifest = str(folder / "target" / "manifest.json")
    export = run_measured([python, "-m", "ml", "export", "--manifest", manifest], places)
    peer = run_measured([python, "-m", "bench.polars_peer", str(raw), str(folder / "peer.csv")], {})
    _check_same_bytes(lake / "data.csv", folder / "peer.csv")
    rows = [
        ("dbt build, models only", models),
        ("ml export", export),
        ("models and data.csv", models + export),
        ("the same with every test", with_tests + export),
        ("Polars script", peer),
    ]
    if script:
        given = run_measured([python, str(script), str(raw), str(folder / "script")], {})
        rows.append((script.name, given))
    return [(name, measured, measured.seconds / peer.seconds) for name, measured in rows]


def _check_same_bytes(ours: Path, theirs: Path) -> None:
    size = 1 << 24
    with ours.open("rb") as left, theirs.open("rb") as right:
        while True:
            chunk = left.read(size)
            if chunk != right.read(size):
                raise click.ClickException(f"{ours} and {theirs} differ: the times mean nothing.")
            if not chunk:
                return


if __name__ == "__main__":
    cli(prog_name="python -m bench")

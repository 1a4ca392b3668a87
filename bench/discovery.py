"""Time and memory of discovery and next-in-cart, each command in a process of its own."""

import json
import sys
import tempfile
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from bench.measure import run_measured
from ml.tools.paths import default_data


@click.command()
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="An exported data.csv.  [default: LAKE_DIR/data.csv]",
)
def discovery(data: Path | None) -> None:
    """Train discovery and next-in-cart, and recommend to every shopper."""
    data = (data or default_data()).resolve()
    table = Table("command", "seconds", "peak memory, GB")
    with tempfile.TemporaryDirectory(dir=data.parent) as scratch:
        runs = Path(scratch)
        for task, command, more in (
            ("discovery", "train", ()),
            ("discovery", "predict", ("--out", str(runs / "out"))),
            ("next-in-cart", "train", ()),
        ):
            arguments = ("--task", task, "--data", str(data), "--run", str(runs / task))
            measured = run_measured(
                [sys.executable, "-m", "ml", command, *arguments, *more], variables={}
            )
            table.add_row(
                f"{command} {task}", f"{measured.seconds:.0f}", f"{measured.memory_gb:.1f}"
            )
        metrics = json.loads((runs / "next-in-cart" / "metrics.json").read_text(encoding="utf-8"))
    Console(width=100).print(table)
    figures = metrics["ladder"]["figures"]
    p50, p90 = figures["milliseconds_p50"], figures["milliseconds_p90"]
    Console(width=100).print(f"one answer in process: p50 {p50:.2f} ms, p90 {p90:.2f} ms")

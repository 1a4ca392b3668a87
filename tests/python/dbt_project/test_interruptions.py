"""
Commands on loads that are killed, or that fill the disk, at any point.

Staging alone, where loads are read, is tried often; the whole way from dbt to a model, which takes
ten times as long, less often. INTERRUPTIONS sets how many points of each kind are tried; they are
random, by a fixed seed.
"""

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from tests.python.dbt_project.shop_with_loads import Line, write_load, write_products
from tests.python.dbt_runs import (
    ROOT,
    Workspace,
    copy_staging,
    environment,
    make_workspace,
)

pytestmark = pytest.mark.xdist_group("interruptions")

POINTS = int(os.environ.get("INTERRUPTIONS", "1"))
OFTEN = [("staging", point) for point in range(POINTS)]
CASES = OFTEN + [("whole", point) for point in range(-(-POINTS // 5))]
VARS = json.dumps({"raw_shape": "order_lines", "mode": "live", "windows": 2})
WHEN_READ = ("load_identity", "first_read_at", "read_at", "last_read_at")

State = dict[str, str]
"""By the name of a table or a file, a digest of what it holds."""


@dataclass(frozen=True)
class Stage:
    """
    A shop with a new load: its workspace, its lake without the load, and both states.

    `seconds` is how long the load took. `written` is what it certainly adds to a disk, in
    kilobytes: the new files beside DuckDB's own, which grows by what it likes.
    """

    part: str
    shop: Workspace
    before: Path
    old: State
    new: State
    seconds: float
    written: int

    def begin(self) -> None:
        """Put the lake back to where the load has not been read yet."""
        shutil.rmtree(self.shop.lake)
        shutil.copytree(self.before, self.shop.lake, symlinks=True)

    def check_nothing_is_half_written(self) -> None:
        """Compare every table and file that can be read with what it was, and what it will be."""
        found = state(self.shop)
        assert self.old.keys() <= found.keys()
        mixed = [name for name in found if found[name] not in (self.old.get(name), self.new[name])]
        assert mixed == []

    def check_next_run(self) -> None:
        """Run everything again: the result is that of a run that nothing disturbed."""
        write_all(self.shop, self.part)
        assert state(self.shop) == self.new


def chance_of(point: int) -> float:
    """Give a number between 0 and 1 for a point, always the same."""
    return random.Random(point).random()  # noqa: S311 - no secret


def variables(shop: Workspace) -> dict[str, str]:
    return environment(shop) | {"RUNS_DIR": str(shop.lake / "runs"), "PYTHONWARNINGS": "ignore"}


def script(shop: Workspace, part: str) -> list[str]:
    """Give the command that builds, and if it is the whole way exports and trains."""
    run = f"dbt.cli.main run --vars '{VARS}'"
    if part == "staging":
        commands = [f"{run} --select models/staging --exclude stg_recommendations"]
    else:
        manifest = shop.target / "manifest.json"
        commands = [run, f'ml export --manifest "{manifest}"', "ml train --task buy-again"]
    python = "; ".join(f'"{sys.executable}" -m {command}' for command in commands)
    return ["sh", "-ec", f'cd "{shop.project}"; {python}']


def state(shop: Workspace) -> State:
    """Read every table, every exported file and the newest model."""
    found = {}
    with duckdb.connect(shop.lake / "lake.duckdb", read_only=True) as lake:
        tables = lake.execute(
            "select table_name, string_agg(column_name, ', ' order by column_name) from"
            " information_schema.columns where table_schema = 'next_basket' and column_name not in"
            f" {WHEN_READ} group by all"
        ).fetchall()
        for table, columns in tables:
            (digest,) = lake.execute(
                "select md5(string_agg(line, chr(10) order by line)) from"
                f" (select (select as_row from (select {columns}) as as_row)::varchar as line"
                f" from next_basket.{table})"
            ).fetchone() or ("",)
            found[table] = str(digest)
    for name in ("data.csv", "contract.json"):
        if (shop.lake / name).exists():
            found[name] = hashlib.sha256((shop.lake / name).read_bytes()).hexdigest()
    for path in sorted(shop.lake.glob("*.parquet")):
        if path.stem != "loads":  # says when each was read
            found[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    for path in sorted((shop.lake / "runs" / "buy-again" / "latest").glob("*.txt")):
        found[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


@pytest.fixture(scope="module")
def stages() -> dict[str, Stage]:
    """Give what `stage` makes, once a part."""
    return {}


@pytest.fixture
def stage(part: str, stages: dict[str, Stage], tmp_path_factory: pytest.TempPathFactory) -> Stage:
    if part not in stages:
        stages[part] = make_stage(part, tmp_path_factory.mktemp(part))
    return stages[part]


def make_stage(part: str, folder: Path) -> Stage:
    project = copy_staging(folder / "project") if part == "staging" else ROOT
    shop = make_workspace(folder / "workspace", folder / "raw", project)
    write_products(shop.raw, [(str(n), f"Product {n}", f"aisle {n % 4}", "") for n in range(1, 60)])
    *loads, last = range(1, 13)
    for day in loads:
        write_load(shop.raw, f"2017-03-{day:02d}", lines_of(day))
    write_all(shop, part)
    shutil.copytree(shop.lake, folder / "before", symlinks=True)
    old = state(shop)
    write_load(shop.raw, f"2017-03-{last}", lines_of(last))
    begun = time.monotonic()
    write_all(shop, part)
    seconds = time.monotonic() - begun
    before = folder / "before"
    held = {path.relative_to(before) for path in _files(before)}
    written = [path for path in _files(shop.lake) if path.relative_to(shop.lake) not in held]
    stage = Stage(
        part,
        shop,
        before,
        old,
        state(shop),
        seconds,
        _kilobytes(path for path in written if not path.name.startswith("lake.duckdb")),
    )
    changed = {name for name in stage.new if stage.new[name] != old[name]}
    expected = {"stg_order_lines", "loads"}
    if part == "whole":
        expected |= {"candidates", "data.csv", "model-pre-order.txt"}
    assert expected <= changed
    return stage


def lines_of(day: int) -> list[Line]:
    """Invent the lines of a day's orders."""
    chance = random.Random(day)  # noqa: S311 - no secret
    lines: list[Line] = []
    for user in range(1, 61):
        if chance.random() < 0.6:
            for product in {chance.randrange(1, 8) * user % 59 + 1 for _ in range(8)}:
                at = f"2017-03-{day:02d} {user % 24:02d}:00:00"
                lines.append((f"{day * 100 + user}", f"{user}", f"{product}", at, "1", ""))
    return lines


def write_all(shop: Workspace, part: str) -> None:
    done = subprocess.run(
        script(shop, part), env=variables(shop), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


@pytest.mark.parametrize(("part", "point"), CASES)
def test_killed_at_any_point(stage: Stage, point: int) -> None:
    after = chance_of(point) * stage.seconds
    stage.begin()
    running = subprocess.Popen(
        script(stage.shop, stage.part),
        env=variables(stage.shop),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        running.wait(after)
    except subprocess.TimeoutExpired:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
        _wait_until_gone(running.pid)
    stage.check_nothing_is_half_written()
    stage.check_next_run()


def _wait_until_gone(group: int) -> None:
    """Wait for the end of what the killed shell had started: it holds the lake as long."""
    with suppress(ProcessLookupError):
        while True:
            os.killpg(group, 0)
            time.sleep(0.01)


@pytest.fixture
def small_disk(tmp_path: Path) -> Path:
    """Give a folder for what a disk held; skip where this process may not mount one."""
    tried = subprocess.run(
        ["unshare", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "t", str(tmp_path)],
        capture_output=True,
        check=False,
    )
    if tried.returncode:
        pytest.skip("a small disk cannot be mounted here")
    return tmp_path / "held"


@pytest.mark.parametrize(("part", "point"), CASES)
def test_disk_full_at_any_point(stage: Stage, small_disk: Path, point: int) -> None:
    """The lake lies on a disk with less room than the new files take."""
    size = _kilobytes(_files(stage.before)) + int(chance_of(point) * stage.written)
    lake = stage.shop.lake
    stage.begin()
    (_, _, commands) = script(stage.shop, stage.part)
    mounted = (
        f'mount -t tmpfs -o size={size}k t "{lake}"; cp -a "{stage.before}/." "{lake}/";'
        f' code=0; sh -ec "$COMMANDS" || code=$?; cp -a "{lake}/." "{small_disk}/"; exit $code'
    )
    small_disk.mkdir()
    done = subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-ec", mounted],
        env=variables(stage.shop) | {"COMMANDS": commands},
        capture_output=True,
        text=True,
        check=False,
    )
    shutil.rmtree(lake)
    shutil.copytree(small_disk, lake, symlinks=True)
    output = done.stdout + done.stderr
    assert done.returncode != 0, "there was room for everything"
    assert "No space left" in output or "not enough" in output, output
    stage.check_nothing_is_half_written()
    stage.check_next_run()


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]


def _kilobytes(files: Iterable[Path]) -> int:
    """Give what a disk needs for files, by pages of 4 kB."""
    return sum(-(-path.stat().st_size // 4096) * 4 for path in files)

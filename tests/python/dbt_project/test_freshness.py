"""`dbt source freshness` stops on raw files that are too old, if a greatest age is given."""

import os
import shutil
import time
from pathlib import Path

import pytest

from tests.python.dbt_runs import Workspace, dbt, make_workspace

HOUR = 3600
MAX_AGE = {"raw_max_age_hours": 24}


@pytest.fixture
def shop(tiny_raw: Path, tmp_path: Path) -> Workspace:
    """Give a workspace with raw files of its own."""
    raw = tmp_path / "raw"
    shutil.copytree(tiny_raw, raw)
    return make_workspace(tmp_path / "workspace", raw)


def set_age(shop: Workspace, hours: float, pattern: str = "*.csv") -> None:
    """Make raw files look as if they were written so many hours ago."""
    written = time.time() - hours * HOUR
    for file in shop.raw.glob(pattern):
        os.utime(file, (written, written))


def test_any_age_passes_when_no_greatest_age_is_given(shop: Workspace) -> None:
    set_age(shop, hours=20 * 365 * 24)
    output = dbt(shop, "source", "freshness")
    assert output.count("PASS freshness of raw.") == 6


# in every other time zone one of the two ages would end up on the other side of 24 hours
@pytest.mark.parametrize("time_zone", ["Pacific/Auckland", "America/Los_Angeles"])
def test_only_files_above_the_greatest_age_fail(
    shop: Workspace, monkeypatch: pytest.MonkeyPatch, time_zone: str
) -> None:
    monkeypatch.setenv("TZ", time_zone)
    set_age(shop, hours=23)
    set_age(shop, hours=25, pattern="orders.csv")
    for beside in ("orders.csv.bak", "orders.csv.gz.part", "orders.csvx"):  # new, and never read
        shutil.copyfile(shop.raw / "orders.csv", shop.raw / beside)
    output = dbt(shop, "source", "freshness", variables=MAX_AGE, fails=True)
    assert output.count("PASS freshness of raw.") == 5
    assert output.count("ERROR STALE freshness of raw.") == 1
    assert "ERROR STALE freshness of raw.orders " in output


def test_new_files_pass(shop: Workspace) -> None:
    output = dbt(shop, "source", "freshness", variables=MAX_AGE)
    assert output.count("PASS freshness of raw.") == 6

"""The Polars script makes the very text that the project makes."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from bench import polars_shop
from bench.polars_base import BASE_COLUMNS
from bench.polars_peer import main
from bench.shared_columns import check_shared_columns
from tests.python.dbt_project.shop_builds import build_small_shop, export_copy
from tests.python.dbt_runs import Workspace


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polars_shop, "LINES_PER_PIECE", 500)


@pytest.fixture(scope="module")
def small_shop(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Build an invented shop of 40 shoppers."""
    return build_small_shop(tmp_path_factory)


def run(raw: Path, out: Path, *options: str) -> Path:
    result = CliRunner().invoke(main, [str(raw), str(out), *options])
    assert result.exit_code == 0, result.output
    return out


def test_small_shop(small_shop: Workspace, tmp_path: Path) -> None:
    found = run(small_shop.raw, tmp_path / "peer.csv").read_bytes()
    # windows are written one after the other
    whole = small_shop.data.read_bytes()
    assert whole.startswith(found)
    assert found.count(b"\n") > whole.count(b"\n") / 2


def test_tiny_shop(built_tiny_shop: Workspace, tmp_path: Path) -> None:
    expected = export_copy(built_tiny_shop, tmp_path / "copy").data
    found = run(built_tiny_shop.raw, tmp_path / "peer.csv")
    assert found.read_bytes() == expected.read_bytes()


def test_base_columns_alone(small_shop: Workspace, tmp_path: Path) -> None:
    base = run(small_shop.raw, tmp_path / "base.csv", "--base")
    whole = run(small_shop.raw, tmp_path / "whole.csv")
    assert check_shared_columns(whole, base) == len(BASE_COLUMNS)

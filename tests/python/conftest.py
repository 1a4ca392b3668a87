"""What the tests of the dbt project share: a tiny shop that was built once, and the real sample."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.python.dbt_runs import Workspace, dbt, make_workspace
from tests.python.tiny_shop import write_tiny_shop


@pytest.fixture(scope="session")
def tiny_raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with the tiny shop's six raw files; read-only, copy it to change it."""
    raw = tmp_path_factory.mktemp("tiny-raw")
    write_tiny_shop(raw)
    return raw


@pytest.fixture(scope="session")
def built_tiny_shop(tiny_raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Give a workspace in which the tiny shop went through `dbt build`; read-only."""
    workspace = make_workspace(tmp_path_factory.mktemp("built-tiny-shop"), tiny_raw)
    dbt(workspace, "build")
    return workspace


@pytest.fixture
def new_workspace(tmp_path: Path) -> Callable[[Path], Workspace]:
    """Make a workspace over a folder of raw files, with a lake of its own."""
    return lambda raw: make_workspace(tmp_path / "workspace", raw)


@pytest.fixture(scope="session")
def instacart_dir() -> Path:
    """Give the folder of the real sample, which is no part of this project (licence)."""
    folder = os.environ.get("INSTACART_DIR")
    if not folder or not Path(folder, "orders.csv").exists():
        pytest.skip("INSTACART_DIR names no folder with the real Instacart sample")
    return Path(folder)

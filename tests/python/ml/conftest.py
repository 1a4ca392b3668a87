"""Fixtures: invented shops, a run trained on one, and the command line."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ml.__main__ import cli
from tests.python.ml.invented_shop import build_shop
from tests.python.ml.task_runs import built, buy_again_run, data, discovery_run, next_run

__all__ = ["built", "buy_again_run", "data", "discovery_run", "next_run"]


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the data.csv of a shop that no test may change."""
    return build_shop(tmp_path_factory.mktemp("shop"))


@pytest.fixture
def own_shop(tmp_path: Path) -> Path:
    """Give the data.csv of a shop that the test may change."""
    return build_shop(tmp_path / "shop")


@pytest.fixture(scope="session")
def trained(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of a run on that shop, which no test may change."""
    folder = tmp_path_factory.mktemp("runs [1]") / "first"
    result = CliRunner().invoke(cli, ["train", "--data", str(shop), "--run", str(folder)])
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture
def ml() -> Callable[..., Result]:
    """Give a function that runs `python -m ml` with these arguments."""

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(cli, [str(argument) for argument in arguments])

    return run

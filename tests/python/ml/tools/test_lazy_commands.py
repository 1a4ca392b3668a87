"""A command whose package is not installed says how to install it; the others do not need it."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from glue.__main__ import main as glue
from ml.tools.lazy_commands import TOOLS
from ml.tools.paths import ROOT


def test_tools_are_those_of_the_file() -> None:
    lines = (ROOT / "requirements-tools.txt").read_text(encoding="utf-8").splitlines()
    pinned = [line.partition("==")[0] for line in lines if "==" in line]
    assert pinned == list(TOOLS)


def test_tuning_without_its_package(
    ml: Callable[..., Result], shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    monkeypatch.delitem(sys.modules, "ml.tasks.buy_again.tune", raising=False)
    result = ml("tune", "--data", shop, "--out", tmp_path / "tuned.json")
    assert result.exit_code == 1
    sentence = "optuna is not installed: `pip install -r requirements-tools.txt`."
    assert sentence in result.stderr


def test_profile_without_its_package(
    tiny_raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "skrub", None)
    page = tmp_path / "page.html"
    result = CliRunner().invoke(glue, ["profile", "--raw", str(tiny_raw), "--out", str(page)])
    assert result.exit_code == 1
    assert "skrub is not installed: `pip install -r requirements-tools.txt`." in result.stderr
    assert not page.exists()
    assert CliRunner().invoke(glue, ["--help"]).exit_code == 0

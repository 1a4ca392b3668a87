"""The command line: options that belong to one task."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from ml.fitting.parameter_files import write_parameters
from ml.tasks.buy_again.parameters import SMALL_DATA


@pytest.mark.parametrize(
    ("command", "owner"),
    [
        ("train --task discovery --memory 4GB", "buy-again"),
        ("train --task next-in-cart --memory 4GB", "buy-again"),
        ("predict --task discovery --context pre-order", "buy-again"),
        ("predict --task next-in-cart --carts carts.csv --context pre-order", "buy-again"),
        ("predict --task discovery --decision expected-f1", "buy-again"),
        ("predict --task next-in-cart --carts carts.csv --decision top-10", "buy-again"),
        ("predict --task buy-again --only all", "next-in-cart"),
        ("predict --task discovery --only new", "next-in-cart"),
        ("predict --task buy-again --carts carts.csv", "discovery and next-in-cart"),
        ("predict --task next-in-cart --department dairy", "discovery"),
    ],
)
def test_an_option_of_another_task_is_refused(
    ml: Callable[..., Result], tmp_path: Path, command: str, owner: str
) -> None:
    name, _, task, *_, option, _ = command.split()
    out = ["--out", tmp_path / "out"] if name == "predict" else []
    result = ml(*command.split(), "--run", tmp_path / "run", *out)
    assert result.exit_code == 2
    assert f"{option} is for {owner}: leave it out for {task}." in result.output


def test_parameters_are_for_buy_again(ml: Callable[..., Result], tmp_path: Path) -> None:
    path = tmp_path / "tuned.json"
    write_parameters(path, SMALL_DATA, {})
    result = ml("train", "--task", "discovery", "--parameters", path)
    assert result.exit_code == 2
    assert "--parameters is for buy-again: leave it out for discovery." in result.output


@pytest.mark.parametrize("name", ["../up", "a b", "a/b", "-", ".hidden"])
def test_predictions_take_no_name_that_is_no_folder(
    ml: Callable[..., Result], tmp_path: Path, name: str
) -> None:
    result = ml("predict", "--run", tmp_path, "--out", tmp_path / "out", f"--name={name}")
    assert result.exit_code == 2
    assert "take letters, digits" in result.output

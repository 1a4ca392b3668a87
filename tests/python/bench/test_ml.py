"""The measurements of the model's parts run and say what they measured."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.ml import ml as bench_ml
from tests.python.ml.invented_shop import build_shop


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["decision", "--orders", "50"], ["50 orders", "0.7"]),
        (["fit", "--rounds", "2", "--pairs", "1"], ["2 rounds", "lightgbm.train, s"]),
        (["train", "--rounds", "2"], ["2 rounds a fit", "peak memory, GB"]),
        (["windows"], ["difference", " 1 ", " 2 ", " 3 "]),
    ],
)
def test_every_measurement_prints_its_table(
    tmp_path: Path, arguments: list[str], said: list[str]
) -> None:
    if arguments[0] != "decision":
        arguments = [*arguments, "--data", str(build_shop(tmp_path, windows=3))]
    result = CliRunner().invoke(bench_ml, arguments)
    assert result.exit_code == 0, result.output
    for words in said:
        assert words in result.output

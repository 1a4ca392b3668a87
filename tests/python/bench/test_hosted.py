"""The hosted answers as a container runs them: Lambda's runtime client, its API and S3 emulated."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.__main__ import cli
from tests.python.ml.task_runs import built, buy_again_run, data, discovery_run, next_run

__all__ = ["built", "buy_again_run", "data", "discovery_run", "next_run"]


def test_the_function_starts_and_answers(next_run: Path) -> None:
    pytest.importorskip("awslambdaric", reason="there is none for other systems than Linux")
    done = CliRunner().invoke(cli, ["hosted", "--run", str(next_run), "--requests", "3"])
    assert done.exit_code == 0, (done.output, done.exception)
    for figure in ("first answer", "p50", "p90", "memory"):
        assert figure in done.output

"""What the step `build` asks of AWS, dbt in it, is what its role may; a part of the models does."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from glue.__main__ import main
from glue.cloud import steps
from ml.tools import aws
from tests.athena_api import RunningApi
from tests.python.athena.nightly_chain import make_chain
from tests.python.glue.cloud.calls import RECORDER, actions_of, read_calls, recorded
from tests.python.glue.cloud.conftest import template
from tests.python.glue.cloud.needed import check
from tests.python.glue.cloud.policies import Resolved

__all__ = ["template"]

# a seed, a table, a table with partitions
MODELS = "+user_windows weekdays"


def test_role_of_the_build(
    session_api: RunningApi,
    tiny_raw: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    template: Resolved,
) -> None:
    chain = make_chain(session_api, tmp_path, "rights")
    uploaded = chain.command("upload", str(tiny_raw))
    assert uploaded.returncode == 0, uploaded.stderr
    chain.glue.start_crawler(chain.name)
    assert chain.command("fix-serde").returncode == 0
    heard = tmp_path / "calls.jsonl"
    hear = {"PYTHONPATH": str(RECORDER), "RECORDED_CALLS": str(heard), "RUN_ID": "run-1"}
    real = steps._run  # noqa: SLF001

    def run_a_part(command: list[str], environment: dict[str, str] | None = None) -> None:
        part = ["--select", *MODELS.split()] if "build" in command else []
        real(command + part, environment)

    monkeypatch.setattr(steps, "_run", run_a_part)
    for variable, value in (chain.environment | hear).items():
        monkeypatch.setenv(variable, value)
    aws.account_id.cache_clear()
    # the second build replaces what the first has made
    with recorded() as calls:
        for number in (1, 2):
            done = CliRunner().invoke(main, ["step", "build"])
            assert done.exit_code == 0, f"build {number}: {done.output[-3000:]}"
        monkeypatch.setattr(steps, "_run", lambda *_asked: real(["false"]))
        assert CliRunner().invoke(main, ["step", "build"]).exit_code == 1, "it leaves its reason"
    aws.account_id.cache_clear()
    check("BuildRole", template.role("BuildRole"), actions_of([*calls, *read_calls(heard)]))

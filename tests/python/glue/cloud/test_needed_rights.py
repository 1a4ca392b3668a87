"""What each role needs is what it may: what it is seen to ask for here, and the rest by name."""

import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from moto.s3.models import s3_backends

from glue.cloud import steps
from glue.cloud.stack import FOLDER, parameters
from ml.tasks.task import PUBLISHED
from tests.python.dbt_project.shop_with_loads import write_load
from tests.python.glue.cloud.calls import ROLES, action, actions_of, recorded, refused
from tests.python.glue.cloud.needed import ANSWERS, RELEASE, UNSEEN, check, rows
from tests.python.glue.cloud.policies import ACCOUNT, Resolved
from tests.python.glue.cloud.prediction_tables import make_prediction_tables
from tests.python.glue.cloud.state_machine import read_definition
from tests.python.glue.cloud.test_catalogue_steps import LINES, forget_escape_character, loads
from tests.python.glue.cloud.test_state_machine import raises
from tests.python.glue.cloud.test_state_machine import run as run_machine
from tests.python.glue.cloud.test_steps import BUCKET, PASSED, put
from tests.python.glue.conftest import Account

Run = Callable[..., Result]
__all__ = ["loads"]


class Steps:
    """Runs steps and keeps which actions each role asked for."""

    def __init__(self, run: Run, template: Resolved, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen: dict[str, set[str]] = {}
        self._run, self._template, self._patch = run, template, monkeypatch

    def do(self, step: str, run_id: str = "run-1", *, fails: bool = False) -> None:
        """Run a step, which may fail if it is to leave its reason."""
        self._patch.setenv("RUN_ID", run_id)
        with recorded() as calls:
            done = self._run("step", step)
        assert (done.exit_code != 0) is fails, done.output
        role = ROLES[step]
        assert refused(self._template.role(role), calls) == []
        self.seen.setdefault(role, set()).update(actions_of(calls))

    def check(self) -> None:
        """Hold what was seen against each role's policy."""
        for role, seen in self.seen.items():
            check(role, self._template.role(role), seen)


@pytest.fixture
def do_steps(account: Account, run: Run, monkeypatch: pytest.MonkeyPatch) -> Steps:
    monkeypatch.setattr("glue.cloud.stack.account_id", lambda: ACCOUNT)
    template = Resolved(FOLDER / "template.yaml", parameters(account.settings, "code/"))
    return Steps(run, template, monkeypatch)


def test_role_of_the_catalogue(account: Account, run: Run, loads: Path, do_steps: Steps) -> None:
    assert run("upload", loads).exit_code == 0
    assert run("crawl").exit_code == 0
    write_load(loads, "2017-03-02", LINES)  # that the crawl did not catalogue
    assert run("upload", loads).exit_code == 0
    do_steps.do("fix-serde")
    # the crawler itself makes the next partition, of a table that has no escape character
    for name in ("products", "order_lines"):
        forget_escape_character(account, name)
    write_load(loads, "2017-03-03", LINES)
    assert run("upload", loads).exit_code == 0
    account.glue.start_crawler(Name=account.settings.crawler)
    do_steps.do("fix-serde")
    do_steps.do("verify")
    account.s3.delete_object(Bucket="shop-raw", Key="products/products.csv")
    do_steps.do("verify", fails=True)
    do_steps.check()


def test_roles_of_the_steps_from_training_to_publishing(
    account: Account, do_steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that nothing is live before, and one that is held against it; an old one is tagged."""
    monkeypatch.setattr(steps, "_ml", program)
    make_prediction_tables(account)
    for run_id in ("run-1", "run-2"):
        put_export(account, run_id)
        for step in ("train", "evaluate", "predict", "publish"):
            do_steps.do(step, run_id)
        if run_id == "run-1":
            make_older(account, run_id)
            monkeypatch.setattr("glue.cloud.retention.KEPT_RUNS", 1)
    do_steps.do("publish", "run-2")  # again: its partition is there
    for step in ("train", "evaluate", "predict", "publish"):
        do_steps.do(step, "run-0", fails=True)
    do_steps.check()


def test_role_of_the_state_machine(template: Resolved) -> None:
    """A run with a notice and one that fails enter every task; a task's resource is its call."""
    notice = {"Body": "Load 2017-03-02: 2 of 5,000 lines could not be used."}
    entered = {
        state
        for done in (run_machine(reason=lambda _asked: notice), run_machine(job=raises("Glue.X")))
        for state in done.entered
    }
    tasks = tasks_of(read_definition())
    assert tasks.keys() <= entered
    seen = {action_of(tasks[state]) for state in tasks.keys() & entered}
    check("StatesRole", template.role("StatesRole"), seen)


def tasks_of(node: dict[str, Any]) -> dict[str, str]:
    """Give the resource of each task, by its state's name, wherever it is nested."""
    found = {}
    for name, state in node.get("States", {}).items():
        if state["Type"] == "Task":
            found[name] = state["Resource"]
        for branch in state.get("Branches", []):
            found |= tasks_of(branch)
    return found


def action_of(resource: str) -> str:
    """Give the action of a task's resource, such as ...:::aws-sdk:sfn:listExecutions."""
    service, operation = resource.partition(":::")[2].removeprefix("aws-sdk:").split(":")
    operation = operation.removesuffix(".sync")
    return action("states" if service == "sfn" else service, operation[0].upper() + operation[1:])


@pytest.mark.parametrize("role", ["CrawlerRole", "ExportRole", "StartRole", "TriggerRole"])
def test_role_that_only_a_service_asks_with(template: Resolved, role: str) -> None:
    """No program of this project asks for anything in its name."""
    check(role, template.role(role), set())


def test_every_role_is_held_against_what_it_needs(template: Resolved) -> None:
    roles = {role for one in with_roles(template) for role in one.of_kind("AWS::IAM::Role")}
    # CloudFormation asks in this one's name, for whatever a template holds
    assert roles - {"StackRole"} == UNSEEN.keys()


def test_runbook_has_the_table(template: Resolved) -> None:
    runbook = (FOLDER.parent / "README.md").read_text(encoding="utf-8")
    table = "\n".join(row for one in with_roles(template) for row in rows(one))
    assert f"\n{table}\n\n" in runbook, f"the table is to be\n{table}"


def with_roles(template: Resolved) -> Iterator[Resolved]:
    """Give every template that has roles."""
    yield template
    yield Resolved(FOLDER / "answers.yaml", ANSWERS)
    yield Resolved(FOLDER / "deploy_roles.yaml", RELEASE)


def program(*arguments: str) -> list[str]:
    """Give a program that leaves the files which `ml` would leave."""
    given = dict(zip(arguments[1::2], arguments[2::2], strict=True))
    files: dict[str, str] = {}
    if arguments[0] == "train":
        files[f"{given['--run']}/metrics.json"] = "{}"
    if arguments[0] == "gate":
        files[given["--out"]] = json.dumps(PASSED["buy-again"])
    if arguments[0] == "predict":
        files[f"{given['--out']}/{PUBLISHED}"] = "x"
    if arguments[0] == "summarize":
        files[given["--out"]] = json.dumps({"rows_out": {}, "lines": {}, "psi": {}, "columns": {}})
    code = "; ".join(
        f"path = pathlib.Path({path!r}); path.parent.mkdir(parents=True, exist_ok=True);"
        f" path.write_text({text!r})"
        for path, text in files.items()
    )
    return [sys.executable, "-c", f"import pathlib; {code}"]


def put_export(account: Account, run_id: str) -> None:
    """Leave what the export job would leave."""
    put(account, f"runs/{run_id}/export/data.csv", "x")
    put(account, f"runs/{run_id}/export/target_orders.parquet", "x")


def make_older(account: Account, run_id: str) -> None:
    """Let a run be of a week ago."""
    assert account.settings.artifacts.bucket == BUCKET
    then = (datetime.now(UTC) - timedelta(days=7)).replace(tzinfo=None)
    stored = s3_backends[ACCOUNT]["aws"].buckets[BUCKET].keys
    for key in [key for key in stored if key.startswith(f"runs/{run_id}/")]:
        for version in stored.getlist(key):
            version.last_modified = then

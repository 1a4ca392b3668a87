"""The workflows: what they may do, whose code they run, and that nothing is applied unseen."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from glue.cloud.stack import FOLDER
from glue.settings import Settings
from ml.tools.paths import ROOT
from tests.python.glue.cloud.ministack import read_template

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
CHECKER = ROOT / ".venv" / "supply" / "bin" / "check-jsonschema"
SUB = "token.actions.githubusercontent.com:sub"


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


RELEASE = _read(ROOT / ".github" / "workflows" / "release.yml")["jobs"]


@pytest.mark.skipif(not CHECKER.exists(), reason="check-jsonschema is not there: `make lint`")
def test_workflows_are_of_their_schema() -> None:
    command = [str(CHECKER), "--builtin-schema", "vendor.github-workflows", *map(str, WORKFLOWS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_job_may_do_what_it_says_and_nothing_else(path: Path) -> None:
    workflow = _read(path)
    assert workflow["permissions"] == {}
    for name, job in workflow["jobs"].items():
        token = {"id-token": "write"} if name in {"prepare", "apply"} else {}
        assert job["permissions"] == {"contents": "read", **token}, name


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_commit(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    used = re.findall(r"uses: (.*)", text)
    assert used
    pinned = r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+|\./\.github/workflows/checks\.yml"
    assert [one for one in used if not re.fullmatch(pinned, one)] == []
    assert text.count("actions/checkout@") == text.count("persist-credentials: false")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_no_key_and_no_text_of_others_in_a_script(path: Path) -> None:
    assert "secrets." not in path.read_text(encoding="utf-8")
    for job in _read(path)["jobs"].values():
        for step in job.get("steps", []):
            assert "${{" not in step.get("run", ""), "a shell is told by env alone"


def test_a_release_is_checked_shown_and_approved() -> None:
    assert RELEASE["prepare"]["needs"] == "checks"
    assert RELEASE["apply"]["needs"] == "prepare"
    assert RELEASE["apply"]["environment"] == "production"
    shown = RELEASE["prepare"]["steps"][-1]["run"]
    assert "deploy --prepare" in shown
    assert "GITHUB_STEP_SUMMARY" in shown
    runs = [step.get("run", "") for job in RELEASE.values() for step in job.get("steps", [])]
    assert [run for run in runs if "deploy --yes" in run] == []
    assert [run for run in runs if "deploy --apply" in run] == [
        RELEASE["apply"]["steps"][-1]["run"]
    ]


def test_a_release_knows_every_setting() -> None:
    passed = _read(ROOT / ".github" / "workflows" / "release.yml")["env"]
    settings = {str(field.alias) for field in Settings.model_fields.values()}
    assert set(passed) == settings
    assert passed.pop("NEXT_BASKET_IMAGE_TAG") == "${{ github.ref_name }}"
    assert passed == {name: f"${{{{ vars.{name} }}}}" for name in passed}


def test_roles_trust_tags_of_the_repository_and_its_environment() -> None:
    resources = read_template(FOLDER / "deploy_roles.yaml")["Resources"]
    trusted = {}
    for name in ("PrepareRole", "ApplyRole"):
        # one more would be one more way in
        (statement,) = resources[name]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        trusted[name] = statement["Condition"]
    tag, job = trusted["PrepareRole"], trusted["ApplyRole"]
    assert tag["StringLike"][SUB] == {"Fn::Sub": "repo:${Repository}:ref:refs/tags/v*"}
    assert job["StringEquals"][SUB] == {"Fn::Sub": "repo:${Repository}:environment:production"}
    for condition in trusted.values():
        audience = condition["StringEquals"]["token.actions.githubusercontent.com:aud"]
        assert audience == "sts.amazonaws.com"


def test_only_who_was_approved_applies_and_neither_makes_roles() -> None:
    resources = read_template(FOLDER / "deploy_roles.yaml")["Resources"]
    may = {
        name: str(resources[name]["Properties"]["Policies"])
        for name in ("PrepareRole", "ApplyRole")
    }
    assert "ExecuteChangeSet" in may["ApplyRole"]
    assert "ExecuteChangeSet" not in may["PrepareRole"]
    for name, policy in may.items():
        assert set(re.findall(r"iam:\w+", policy)) <= {"iam:PassRole", "iam:PassedToService"}, name
        assert ":*'" not in policy, name

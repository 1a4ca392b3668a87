"""The template: two linters without a finding, and what they do not see."""

import copy
import json
import subprocess
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import click
import pytest

from glue.cloud.stack import FOLDER, parameters
from glue.raw.loads import marker_of
from glue.settings import LANDING, SUCCESS_KEY, read_settings
from ml.tools.paths import ROOT
from tests.python.glue.cloud.ministack import read_template
from tests.python.glue.cloud.state_machine import SUBSTITUTIONS
from tests.python.glue.conftest import CRAWLED, Account

Template = dict[str, Any]
TEMPLATES = sorted(FOLDER.glob("*.yaml"))
CHECKOV = ROOT / ".venv" / "checkov" / "bin" / "checkov"


@pytest.fixture(scope="module")
def template() -> Template:
    return read_template(FOLDER / "template.yaml")


def test_cfn_lint_finds_nothing() -> None:
    program = ROOT / ".venv" / "bin" / "cfn-lint"
    done = subprocess.run(
        [str(program), *map(str, TEMPLATES)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.skipif(
    not CHECKOV.exists(),
    reason="checkov is not installed: `make test-cloud` installs it into .venv/checkov",
)
@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_checkov_finds_nothing_unexplained(path: Path) -> None:
    command = [str(CHECKOV), "-f", path.name, "--framework", "cloudformation"]
    done = subprocess.run(
        [*command, "--skip-download", "--compact", "-o", "json"],
        cwd=path.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    result = json.loads(done.stdout)["results"]
    assert result["passed_checks"]
    assert [(one["check_id"], one["resource"]) for one in result["failed_checks"]] == []
    for one in result["skipped_checks"]:
        assert len(one["check_result"]["suppress_comment"]) > 20, one["resource"]


# What cfn-lint 1.58 lets pass: each check below sees the template as it is and one mistake in it.


def check_glue_version(template: Template) -> None:
    assert template["Resources"]["ExportJob"]["Properties"]["GlueVersion"] == "5.1"


def check_crawler_database(template: Template) -> None:
    crawler = template["Resources"]["Crawler"]["Properties"]
    assert crawler.get("DatabaseName") == {"Ref": "RawTables"}


def check_crawler_configuration(template: Template) -> None:
    crawler = template["Resources"]["Crawler"]["Properties"]
    assert json.loads(crawler["Configuration"]) == {
        "Version": 1.0,
        "Grouping": {"TableGroupingPolicy": "CombineCompatibleSchemas"},
        "CrawlerOutput": {"Partitions": {"AddOrUpdateBehavior": "InheritFromTable"}},
    }


def check_substitutions(template: Template) -> None:
    machine = template["Resources"]["Etl"]["Properties"]
    assert machine["DefinitionSubstitutions"].keys() == SUBSTITUTIONS.keys()


def check_landing_rule(template: Template) -> None:
    pattern = template["Resources"]["OnLanding"]["Properties"]["EventPattern"]
    landed = s3_event("shop-raw", SUCCESS_KEY)
    assert matches(pattern, landed)
    assert matches(pattern, s3_event("shop-raw", marker_of("2017-03-05")))
    for key in ("orders/orders.csv", "_landed/manifest.json", "orders/_SUCCESS"):
        assert not matches(pattern, s3_event("shop-raw", key))
    assert not matches(pattern, s3_event("other", SUCCESS_KEY))
    assert not matches(pattern, landed | {"detail-type": "Object Deleted"})


def check_failure_rule(template: Template) -> None:
    pattern = template["Resources"]["OnFailure"]["Properties"]["EventPattern"]
    for status in ("FAILED", "TIMED_OUT", "ABORTED"):
        assert matches(pattern, run_event(status))
    for status in ("RUNNING", "SUCCEEDED"):
        assert not matches(pattern, run_event(status))


def check_crawler_targets(template: Template) -> None:
    targets = template["Resources"]["Crawler"]["Properties"]["Targets"]["S3Targets"]
    paths = [target["Path"]["Fn::Sub"] for target in targets]
    assert paths == [f"s3://${{Raw}}/{name}/" for name in CRAWLED]


def s3_event(bucket: str, key: str) -> dict[str, Any]:
    """Give the fields of an S3 event that rules look at."""
    return {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {"bucket": {"name": bucket}, "object": {"key": key}},
    }


def run_event(status: str) -> dict[str, Any]:
    return {
        "source": "aws.states",
        "detail-type": "Step Functions Execution Status Change",
        "detail": {"stateMachineArn": "etl", "status": status},
    }


VALUES = {"Raw": "shop-raw", "Etl": "etl"}


def matches(pattern: dict[str, Any], event: dict[str, Any]) -> bool:
    """Tell whether an event fits a pattern of nested fields with lists of values."""
    for field, wanted in pattern.items():
        if field not in event:
            return False
        if isinstance(wanted, dict):
            if not matches(wanted, event[field]):
                return False
        elif not any(fits(one, event[field]) for one in wanted):
            return False
    return True


def fits(wanted: Any, value: str) -> bool:  # noqa: ANN401
    """Compare a value with a text, a reference or a wildcard of a pattern."""
    if isinstance(wanted, str):
        return value == wanted
    if "wildcard" in wanted:
        return fnmatchcase(value, wanted["wildcard"]["Fn::Sub"].replace("${Landing}", LANDING))
    return value == VALUES[wanted["Ref"]]


def old_glue(resources: Template) -> None:
    resources["ExportJob"]["Properties"]["GlueVersion"] = "5.9"


def no_database(resources: Template) -> None:
    del resources["Crawler"]["Properties"]["DatabaseName"]


def broken_json(resources: Template) -> None:
    crawler = resources["Crawler"]["Properties"]
    crawler["Configuration"] = crawler["Configuration"].replace("}}", "}", 1)


def unused_substitution(resources: Template) -> None:
    resources["Etl"]["Properties"]["DefinitionSubstitutions"]["Bucket"] = "x"


def wrong_matcher(resources: Template) -> None:
    resources["OnLanding"]["Properties"]["EventPattern"]["detail-type"] = ["Object created"]


def wrong_status(resources: Template) -> None:
    resources["OnFailure"]["Properties"]["EventPattern"]["detail"]["status"] = ["FAIL", "TIMED_OUT"]


def one_target(resources: Template) -> None:
    targets = resources["Crawler"]["Properties"]["Targets"]
    targets["S3Targets"] = [{"Path": {"Fn::Sub": "s3://${Raw}/"}}]


MISTAKES: list[tuple[Callable[[Template], None], Callable[[Template], None]]] = [
    (check_glue_version, old_glue),
    (check_crawler_database, no_database),
    (check_crawler_configuration, broken_json),
    (check_substitutions, unused_substitution),
    (check_landing_rule, wrong_matcher),
    (check_failure_rule, wrong_status),
    (check_crawler_targets, one_target),
]


@pytest.mark.parametrize(
    ("check", "mistake"), MISTAKES, ids=[mistake.__name__ for _, mistake in MISTAKES]
)
def test_mistake_is_seen(
    template: Template, check: Callable[[Template], None], mistake: Callable[[Template], None]
) -> None:
    check(template)
    mutant = copy.deepcopy(template)
    mistake(mutant["Resources"])
    with pytest.raises((AssertionError, ValueError)):
        check(mutant)


@pytest.mark.parametrize(
    "expression", ["cron(0 3 * * *)", "0 3 * * ? *", "rate(1)", "at night", "cron(0 3 * * * *)"]
)
def test_wrong_schedule_is_refused(account: Account, expression: str) -> None:
    """A cron of five fields, or one without a question mark, is accepted by every linter."""
    assert account.settings.schedule == "cron(0 3 * * ? *)"
    with pytest.raises(click.ClickException, match="NEXT_BASKET_SCHEDULE"):
        read_settings({"NEXT_BASKET_SCHEDULE": expression, "NEXT_BASKET_NAME": "shop"})


def test_settings_give_every_parameter(account: Account, template: Template) -> None:
    assert parameters(account.settings, "code/").keys() == template["Parameters"].keys()


def test_work_group_is_not_enforced(template: Template) -> None:
    """Enforced, dbt's tables would lie below the query results, which expire."""
    configuration = template["Resources"]["WorkGroup"]["Properties"]["WorkGroupConfiguration"]
    assert configuration["EnforceWorkGroupConfiguration"] is False
    expiring = [
        name
        for name, one in template["Resources"].items()
        if one["Type"] == "AWS::S3::Bucket"
        and any(
            "ExpirationInDays" in rule and "Prefix" not in rule
            for rule in one["Properties"]["LifecycleConfiguration"]["Rules"]
        )
    ]
    assert expiring == ["Results"]

"""Two stages in one account: one setting names everything, and no name is another stage's."""

import json
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import click
import pytest
from click.testing import Result

from glue.cloud.preflight import TAG
from glue.cloud.stack import FOLDER, code_bucket, parameters
from glue.settings import read_settings
from ml.tools.paths import ROOT
from tests.python.glue.cloud.policies import ACCOUNT, Resolved
from tests.python.glue.conftest import CREDENTIALS, PLACES, Account

Run = Callable[..., Result]
BASE = CREDENTIALS | {"NEXT_BASKET_NAME": "shop"}
DEV = BASE | {"NEXT_BASKET_STAGE": "dev"}
# the property that names a resource, and how long AWS lets it be, by its service's API reference
LIMITS: dict[str, tuple[str, int]] = {
    "AWS::S3::Bucket": ("BucketName", 63),
    "AWS::Glue::Database": ("DatabaseInput.Name", 255),
    "AWS::Glue::SecurityConfiguration": ("Name", 255),
    "AWS::Glue::Crawler": ("Name", 255),
    "AWS::Glue::Job": ("Name", 255),
    "AWS::Athena::WorkGroup": ("Name", 128),
    "AWS::ECR::Repository": ("RepositoryName", 256),
    "AWS::ECS::Cluster": ("ClusterName", 255),
    "AWS::ECS::TaskDefinition": ("Family", 255),
    "AWS::Logs::LogGroup": ("LogGroupName", 512),
    "AWS::StepFunctions::StateMachine": ("StateMachineName", 80),
    "AWS::SQS::Queue": ("QueueName", 80),
    "AWS::SNS::Topic": ("TopicName", 256),
    "AWS::Scheduler::Schedule": ("Name", 64),
    "AWS::Events::Rule": ("Name", 64),
    "AWS::CloudWatch::Alarm": ("AlarmName", 255),
    "AWS::CloudWatch::Dashboard": ("DashboardName", 255),
    "AWS::Budgets::Budget": ("Budget.BudgetName", 100),
    "AWS::DataBrew::Dataset": ("Name", 255),
    "AWS::DataBrew::Job": ("Name", 240),
    "AWS::DataBrew::Recipe": ("Name", 255),
    "AWS::Lambda::Function": ("FunctionName", 64),
}
# named by CloudFormation after the stack, or by AWS with an id
_UNNAMED = {
    *("AWS::KMS::Key", "AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy"),
    *("AWS::CloudFormation::Stack", "AWS::EC2::SecurityGroup", "AWS::EC2::VPCEndpoint"),
    *("AWS::IAM::Role", "AWS::IAM::ManagedPolicy", "AWS::Lambda::Url", "AWS::Logs::MetricFilter"),
}


@pytest.fixture(autouse=True)
def known_account(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("glue.settings", "glue.cloud.stack"):
        monkeypatch.setattr(f"{module}.account_id", lambda: ACCOUNT)


class Given(dict[str, str]):
    """The parameters of a template; one that only a nested stack has stands for itself."""

    def __missing__(self, name: str) -> str:
        """Give the parameter's own name."""
        return name


def names(environment: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Give kind and name of all that the stack and those nested in it name, by resource."""
    settings = read_settings(environment)
    given = Given(parameters(settings, "code/") | {"ArtifactsBucket": settings.artifacts.bucket})
    found = {"Classifier": ("classifier", settings.classifier)}
    found["Code"] = ("AWS::S3::Bucket", code_bucket(settings))
    for path in FOLDER.glob("*.yaml"):
        if path.name == "deploy_roles.yaml":
            continue
        for name, one in Resolved(path, given).resources.items():
            kind = one["Type"]
            if kind not in _UNNAMED:
                value = one["Properties"]
                for key in LIMITS[kind][0].split("."):
                    value = value[key]
                found[f"{path.stem}.{name}"] = (kind, value)
    return found


def test_no_name_is_shared() -> None:
    prod, dev = names(BASE), names(DEV)
    assert prod.keys() == dev.keys()
    assert len(prod) > 50
    assert set(prod.values()) & set(dev.values()) == set()
    for kind, name in dev.values():
        assert "shop-dev" in name or (kind == "AWS::Glue::Database" and name.endswith("_dev"))


def test_default_stage_has_the_names_of_before() -> None:
    assert names(BASE) == names(BASE | {"NEXT_BASKET_STAGE": "prod"})
    settings = read_settings(CREDENTIALS)
    databases = (settings.raw_database, settings.lake_database, settings.predictions_database)
    assert databases == ("raw", "next_basket", "predictions")
    assert (settings.name, settings.work_group) == ("next-basket", "next-basket")
    assert (settings.crawler, settings.classifier) == ("next-basket-raw", "next-basket-csv")
    assert settings.lake.bucket == f"next-basket-lake-{ACCOUNT}-us-east-1"
    dev = read_settings(CREDENTIALS | {"NEXT_BASKET_STAGE": "dev"})
    databases = (dev.raw_database, dev.lake_database, dev.predictions_database)
    assert databases == ("raw_dev", "next_basket_dev", "predictions_dev")
    assert (dev.name, dev.work_group) == ("next-basket-dev", "next-basket-dev")
    assert (dev.crawler, dev.classifier) == ("next-basket-dev-raw", "next-basket-dev-csv")
    assert dev.lake.bucket == f"next-basket-dev-lake-{ACCOUNT}-us-east-1"


def test_budget_counts_by_the_tag_of_the_stage() -> None:
    for environment, name in ((BASE, "shop"), (DEV, "shop-dev")):
        template = Resolved(FOLDER / "template.yaml", parameters(read_settings(environment), "x/"))
        budget = template.properties("Budget")["Budget"]
        assert budget["CostFilters"] == {"TagKeyValue": [f"user:{TAG}${name}"]}


def test_longest_name_is_within_every_limit() -> None:
    """Of a bucket's name, which carries account and region too, deploy sees to it itself."""
    longest = {"NEXT_BASKET_NAME": "x" * 20, "NEXT_BASKET_STAGE": "abcdefghij"}
    assert len(read_settings(CREDENTIALS | longest).name) == 31, "the longest that deploy takes"
    too_long = [
        (kind, name)
        for kind, name in names(CREDENTIALS | longest).values()
        if kind in LIMITS.keys() - {"AWS::S3::Bucket"} and len(name) > LIMITS[kind][1]
    ]
    assert too_long == []


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("NEXT_BASKET_STAGE", "Dev", "write 1 to 10 lower-case letters and digits"),
        ("NEXT_BASKET_STAGE", "development", "write 1 to 10 lower-case letters and digits"),
        ("ATHENA_SCHEMA", "next-basket", "write 1 to 255 lower-case letters, digits and"),
        ("ATHENA_RAW_SCHEMA", "x" * 256, "write 1 to 255 lower-case letters, digits and"),
        ("ATHENA_WORK_GROUP", "x" * 129, "write 1 to 128 letters, digits, dots"),
    ],
)
def test_name_that_aws_would_refuse_is_named(variable: str, value: str, told: str) -> None:
    with pytest.raises(click.ClickException, match=f"^{variable} is '{value}': {told}"):
        read_settings(BASE | {variable: value})


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ATHENA_LAKE", f"s3://shop-lake-{ACCOUNT}-us-east-1/"),
        ("NEXT_BASKET_ARTIFACTS", "s3://shop-artifacts/"),
        ("ATHENA_RAW_SCHEMA", "raw"),
        ("ATHENA_WORK_GROUP", "shop"),
    ],
)
def test_stage_takes_no_name_of_another(variable: str, value: str) -> None:
    """Settings of one stage that are left in a shell must not reach another's data."""
    with pytest.raises(click.ClickException, match=f"^{variable} is '{value}', and stage dev has"):
        read_settings(DEV | {variable: value})


@pytest.fixture
def shell(run: Run, account: Account, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Give the variables that a shell has after `python -m glue env` in stage dev."""
    assert account.settings.name == "shop"
    for variable in PLACES.keys() - {"NEXT_BASKET_NAME"}:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("NEXT_BASKET_STAGE", "dev")
    printed = run("env")
    assert printed.exit_code == 0, printed.output
    words = [word for line in printed.output.splitlines() for word in shlex.split(line)[1:]]
    return dict(word.split("=", 1) for word in words)


def test_shell_of_one_stage_is_not_that_of_another(shell: dict[str, str]) -> None:
    assert read_settings(DEV | shell) == read_settings(DEV), "what env gives is what there is"
    for other in ("prod", "test"):
        with pytest.raises(click.ClickException, match=r"has the names of shop-dev.* use a new"):
            read_settings(BASE | shell | {"NEXT_BASKET_STAGE": other})


def test_dbt_reads_and_writes_the_databases_of_the_stage(
    shell: dict[str, str], tmp_path: Path
) -> None:
    command = [str(Path(sys.executable).with_name("dbt")), "--quiet", "parse", "--target", "athena"]
    folders = ["--profiles-dir", str(tmp_path), "--target-path", str(tmp_path / "target")]
    profile = (ROOT / "profiles.yml.example").read_text(encoding="utf-8")
    (tmp_path / "profiles.yml").write_text(profile, encoding="utf-8")
    done = subprocess.run(
        [*command, *folders, "--no-partial-parse", "--log-path", str(tmp_path)],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)} | shell,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    manifest = json.loads((tmp_path / "target" / "manifest.json").read_text(encoding="utf-8"))
    sources = {one["schema"] for one in manifest["sources"].values()}
    assert sources == {"raw_dev", "predictions_dev"}
    models = {
        one["schema"] for one in manifest["nodes"].values() if one["resource_type"] == "model"
    }
    assert models == {"next_basket_dev"}

"""The stack, deployed on MiniStack: what starts a run, who hears of failures, who may do what."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import CliRunner, Result

from glue.__main__ import main
from glue.cloud import stack
from glue.settings import MANIFEST_KEY, SUCCESS_KEY, read_settings
from ml.tools import aws
from ml.tools.paths import ROOT
from tests.python.glue.cloud.calls import actions_of, recorded
from tests.python.glue.cloud.ministack import MISSING, PROGRAM, deployable, running_ministack
from tests.python.glue.cloud.needed import RELEASE, check
from tests.python.glue.cloud.policies import Resolved
from tests.python.glue.cloud.rights import rights

pytestmark = [
    pytest.mark.skipif(not PROGRAM.exists(), reason=MISSING),
    pytest.mark.xdist_group("ministack"),
]

_PATIENCE = 90  # seconds until something that must happen counts as not happening
_SETTINGS = {
    "NEXT_BASKET_NAME": "shop",
    "NEXT_BASKET_ALERT_EMAIL": "nobody@example.com",
    "NEXT_BASKET_VPC": "vpc-00000001",  # MiniStack's own
    "NEXT_BASKET_SUBNETS": "subnet-00000001,subnet-00000002",
    "NEXT_BASKET_SCHEDULE": "rate(1 minute)",
}


@dataclass(frozen=True)
class Deployed:
    """The deployed stack: what deploy printed, its state machine, and the queue of its mails."""

    output: str
    machine: str
    queue: str

    def runs(self, trigger: str) -> list[dict[str, Any]]:
        """Give the runs that something started."""
        states = client("stepfunctions")
        listed = states.list_executions(stateMachineArn=self.machine)["executions"]
        runs = [states.describe_execution(executionArn=one["executionArn"]) for one in listed]
        return [run for run in runs if json.loads(run["input"]).get("trigger") == trigger]

    def mails(self) -> list[str]:
        """Take the mails that have arrived."""
        taken = client("sqs").receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10)
        for one in taken.get("Messages", []):
            client("sqs").delete_message(QueueUrl=self.queue, ReceiptHandle=one["ReceiptHandle"])
        return [str(json.loads(one["Body"])["Message"]) for one in taken.get("Messages", [])]


def client(service: str) -> Any:  # noqa: ANN401
    return boto3.client(service)  # type: ignore[call-overload]


def glue(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def within(seconds: float, look: Callable[[], Any]) -> Any:  # noqa: ANN401
    """Give the first true answer; events come when they come."""
    ends = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() < ends:
        time.sleep(0.5)
    return found


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    folder = tmp_path_factory.mktemp("ministack")
    code = folder / "code"
    code.mkdir()
    for name in stack.CODE:
        (code / name).write_bytes((stack.FOLDER / name).read_bytes())
    (code / "template.yaml").write_text(deployable(stack.FOLDER / "template.yaml"))
    aws.account_id.cache_clear()
    with running_ministack(folder) as environment, pytest.MonkeyPatch.context() as patch:
        for variable in ("ATHENA_RAW", "ATHENA_LAKE", "ATHENA_RESULTS"):
            patch.delenv(variable, raising=False)
        for variable, value in (environment | _SETTINGS).items():
            patch.setenv(variable, value)
        patch.setattr(stack, "FOLDER", code)
        refused = glue("deploy", "--yes")
        assert "Nothing was made.\nSubnet subnet-00000001 has no way to the inter" in refused.output
        way = {"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-00000001"}
        client("ec2").create_route(RouteTableId="rtb-00000001", **way)
        done = glue("deploy", "--yes")
        assert done.exit_code == 0, done.output
        outputs = dict(line.split(": ", 1) for line in done.output.splitlines() if ": arn:" in line)
        queue = client("sqs").create_queue(QueueName="mail")["QueueUrl"]
        client("sns").subscribe(
            TopicArn=outputs["Alerts"],
            Protocol="sqs",
            Endpoint="arn:aws:sqs:us-east-1:000000000000:mail",
        )
        yield Deployed(done.output, outputs["StateMachine"], queue)
    aws.account_id.cache_clear()


def test_change_set_is_shown_first(deployed: Deployed) -> None:
    rows = [line.split() for line in deployed.output.splitlines()]
    assert ["Add", "Etl", "AWS::StepFunctions::StateMachine"] in rows
    assert ["Add", "Raw", "AWS::S3::Bucket"] in rows


def test_six_files_alone_start_nothing_and_the_marker_starts_one_run(
    deployed: Deployed, tiny_raw: Path
) -> None:
    raw = read_settings().raw
    for path in sorted(tiny_raw.iterdir()):
        client("s3").put_object(
            Bucket=raw.bucket, Key=f"{path.stem}/{path.name}", Body=path.read_bytes()
        )
    client("s3").put_object(Bucket=raw.bucket, Key=MANIFEST_KEY, Body=b"{}")
    time.sleep(5)
    assert deployed.runs("landing") == []
    done = glue("upload", str(tiny_raw))
    assert done.exit_code == 0, done.output
    assert within(_PATIENCE, lambda: deployed.runs("landing"))
    time.sleep(5)
    assert len(deployed.runs("landing")) == 1
    assert client("s3").head_object(Bucket=raw.bucket, Key=SUCCESS_KEY)


def test_schedule_fires(deployed: Deployed) -> None:
    assert within(_PATIENCE, lambda: deployed.runs("schedule"))


def stop_runs(deployed: Deployed) -> None:
    states = client("stepfunctions")
    listed = states.list_executions(stateMachineArn=deployed.machine, statusFilter="RUNNING")
    for one in listed["executions"]:
        # it may have ended since it was listed
        with suppress(states.exceptions.ValidationException):
            states.stop_execution(executionArn=one["executionArn"])


def failed_at_the_marker(done: Result) -> Result | None:
    """Give the result, unless a scheduled run was under way in that very second."""
    return done if "look for _SUCCESS" in done.output else None


@pytest.fixture(scope="module")
def failed_run(deployed: Deployed) -> str:
    """Give the name of a run that was started by hand and found no marker."""
    raw = read_settings().raw
    client("s3").delete_object(Bucket=raw.bucket, Key=SUCCESS_KEY)
    stop_runs(deployed)  # a run of the landing waits for a container, and a second run is refused
    failed = within(_PATIENCE, lambda: failed_at_the_marker(glue("start", "--wait")))
    assert failed.exit_code == 1
    name: str = failed.output.split()[1]
    return name


def test_failed_run_reaches_the_topic(deployed: Deployed, failed_run: str) -> None:
    mails: list[str] = []

    def both() -> bool:
        mails.extend(mail for mail in deployed.mails() if failed_run in mail)
        return len(mails) > 1

    assert within(_PATIENCE, both), mails
    assert any("Step: look for _SUCCESS" in mail for mail in mails), "the run's own mail"
    assert any(f"Run {failed_run} of the state machine ended FAILED" in mail for mail in mails)


def test_status_shows_runs_and_reasons(failed_run: str) -> None:
    shown = glue("status")
    assert shown.exit_code == 0, shown.output
    assert "scanned MB" in shown.output
    (row,) = [line for line in shown.output.splitlines() if line.startswith(failed_run)]
    assert " failed " in row
    assert "look for _SUCCESS" in row
    assert shown.output.rstrip().endswith("live: nothing is published yet")


def test_unknown_run_has_no_log(deployed: Deployed) -> None:
    assert deployed.machine
    failed = glue("logs", "no-such-run")
    assert failed.exit_code == 1
    assert "There is no run no-such-run" in failed.output


ACCOUNT = "000000000000"
RAW = f"arn:aws:s3:::shop-raw-{ACCOUNT}-us-east-1"


@pytest.fixture(scope="module")
def policies(deployed: Deployed) -> dict[str, list[str]]:
    """Give the policies of each role as they were deployed, by the role's name in the template."""
    assert deployed.machine
    iam = client("iam")
    resources = client("cloudformation").describe_stack_resources(StackName="shop")
    roles = {
        one["LogicalResourceId"]: one["PhysicalResourceId"].split("/")[-1]
        for one in resources["StackResources"]
        if one["ResourceType"] == "AWS::IAM::Role"
    }
    return {
        name: [
            json.dumps(iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"])
            for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]
        ]
        for name, role in roles.items()
    }


def test_rights(policies: dict[str, list[str]]) -> None:
    """Ask MiniStack's simulation of the table that is also held against the template's text."""
    (code,) = client("s3").list_objects_v2(
        Bucket=stack.code_bucket(read_settings()), Prefix="", Delimiter="/"
    )["CommonPrefixes"]
    table = rights(ACCOUNT, code["Prefix"])
    assert policies.keys() == {role for role, *_ in table}
    wrong = []
    for role, action, resource, allowed in table:
        simulated = client("iam").simulate_custom_policy(
            PolicyInputList=policies[role], ActionNames=[action], ResourceArns=[resource]
        )
        (result,) = simulated["EvaluationResults"]
        if (result["EvalDecision"] == "allowed") is not allowed:
            wrong.append((role, action, resource, result["EvalDecision"]))
    assert wrong == []


def test_roles_of_a_release_ask_for_what_they_may(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert deployed.machine
    monkeypatch.setenv("NEXT_BASKET_MARGIN", "0.01")
    with recorded() as preparing:
        prepared = glue("deploy", "--prepare")
    assert prepared.exit_code == 0, prepared.output
    with recorded() as applying:
        applied = glue("deploy", "--apply", prepared.output.split()[-1])
    assert applied.exit_code == 0, applied.output
    release = Resolved(ROOT / "glue" / "cloud" / "deploy_roles.yaml", RELEASE)
    for role, calls in (("PrepareRole", preparing), ("ApplyRole", applying)):
        check(role, release.role(role), actions_of(calls))


def test_raw_bucket_itself_denies_the_pipeline_to_write(deployed: Deployed) -> None:
    assert deployed.machine
    policy = json.loads(
        client("s3").get_bucket_policy(Bucket=RAW.removeprefix("arn:aws:s3:::"))["Policy"]
    )
    denied = client("iam").simulate_custom_policy(
        PolicyInputList=[
            json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
                        *(
                            {key: part for key, part in one.items() if key != "Principal"}
                            for one in policy["Statement"]
                            if one["Sid"] == "NoPipelineWritesRaw"
                        ),
                    ],
                }
            )
        ],
        ActionNames=["s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:GetObject"],
        ResourceArns=[f"{RAW}/orders/orders.csv"],
    )
    decisions = [one["EvalDecision"] for one in denied["EvaluationResults"]]
    assert decisions == ["explicitDeny", "explicitDeny", "explicitDeny", "allowed"]


def test_first_deploy_that_fails_leaves_no_names_taken(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert deployed.machine
    names = {"NEXT_BASKET_NAME": "other", "ATHENA_RAW_SCHEMA": "other_raw"}
    names |= {"ATHENA_SCHEMA": "other_lake", "ATHENA_PREDICTIONS_SCHEMA": "taken"}
    for variable, value in names.items():
        monkeypatch.setenv(variable, value)
    client("glue").create_database(DatabaseInput={"Name": "taken"})
    failed = glue("deploy", "--yes")
    assert failed.exit_code == 1
    assert "PredictionTables CREATE_FAILED" in failed.output
    settings = read_settings()
    named = [bucket for bucket in buckets() if bucket.startswith(settings.name)]
    assert named == [stack.code_bucket(settings)], "what the stack had made went again"
    client("glue").delete_database(Name="taken")
    done = glue("deploy", "--yes")
    assert done.exit_code == 0, done.output
    assert f"Stack {settings.name} was never made" in done.output
    assert settings.raw.bucket in buckets()
    gone = glue("destroy", "--yes", "--with-data")
    assert gone.exit_code == 0, gone.output
    assert "not there" not in gone.output
    again = glue("destroy", "--yes", "--with-data")
    assert again.exit_code == 0, again.output
    assert again.output.count("not there") == 10, "the stack, and all that it had"


# by service: what lists its things, under which key, and what names each
LISTS: dict[str, tuple[tuple[str, str, str | None], ...]] = {
    "s3": (("list_buckets", "Buckets", "Name"),),
    "glue": (
        ("get_databases", "DatabaseList", "Name"),
        ("get_crawlers", "Crawlers", "Name"),
        ("get_jobs", "Jobs", "Name"),
        ("get_classifiers", "Classifiers", "CsvClassifier"),
    ),
    "athena": (("list_work_groups", "WorkGroups", "Name"),),
    "ecr": (("describe_repositories", "repositories", "repositoryName"),),
    "ecs": (
        ("list_clusters", "clusterArns", None),
        ("list_task_definitions", "taskDefinitionArns", None),
    ),
    "logs": (("describe_log_groups", "logGroups", "logGroupName"),),
    "iam": (("list_roles", "Roles", "RoleName"),),
    "stepfunctions": (("list_state_machines", "stateMachines", "name"),),
    "scheduler": (("list_schedules", "Schedules", "Name"),),
    "events": (("list_rules", "Rules", "Name"),),
    "sns": (("list_topics", "Topics", "TopicArn"),),
    "sqs": (("list_queues", "QueueUrls", None),),
    "cloudwatch": (("describe_alarms", "MetricAlarms", "AlarmName"),),
    "ec2": (("describe_security_groups", "SecurityGroups", "GroupId"),),
}


def inventory() -> dict[str, set[str]]:
    """Give the names of all that is in the account, by what lists them."""
    return {
        operation: {
            str(one if name is None else one[name])
            for one in getattr(client(service), operation)().get(key, [])
        }
        for service, lists in LISTS.items()
        for operation, key, name in lists
    }


def resources(name: str) -> dict[str, str]:
    """Give the physical name of each resource of a stack, by its type and name in the template."""
    described = client("cloudformation").describe_stack_resources(StackName=name)
    return {
        f"{one['ResourceType']} {one['LogicalResourceId']}": one["PhysicalResourceId"]
        for one in described["StackResources"]
    }


def test_second_stage_shares_no_name_and_its_end_leaves_the_first_whole(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One setting is all that differs; both stages are in one account at the same time."""
    assert deployed.machine
    alone, prod = inventory(), resources("shop")
    monkeypatch.setenv("NEXT_BASKET_STAGE", "dev")
    done = glue("deploy", "--yes")
    assert done.exit_code == 0, done.output
    both, dev = inventory(), resources("shop-dev")
    assert dev.keys() == prod.keys()
    assert [kind for kind in dev if dev[kind] == prod[kind]] == [], "no physical name is shared"
    assert resources("shop") == prod
    for operation, names in alone.items():
        assert names < both[operation], (
            f"{operation}: the second stage has its own beside the first"
        )
    tags = client("cloudformation").describe_stacks(StackName="shop-dev")["Stacks"][0]["Tags"]
    assert tags == [{"Key": "next-basket-stack", "Value": "shop-dev"}]
    gone = glue("destroy", "--yes", "--with-data")
    assert gone.exit_code == 0, gone.output
    assert inventory() == alone
    assert resources("shop") == prod
    monkeypatch.delenv("NEXT_BASKET_STAGE")
    assert glue("status").exit_code == 0


def buckets() -> list[str]:
    return [one["Name"] for one in client("s3").list_buckets()["Buckets"]]


def test_destroy_keeps_the_data(deployed: Deployed) -> None:
    assert deployed.machine
    raw = read_settings().raw
    client("s3").put_object(Bucket=raw.bucket, Key="aisles/aisles.csv", Body=b"aisle_id,aisle\n")
    done = glue("destroy", "--yes")
    assert done.exit_code == 0, done.output
    assert f"Kept: {raw}" in done.output
    assert client("s3").head_object(Bucket=raw.bucket, Key="aisles/aisles.csv")
    again = glue("destroy", "--yes")
    assert again.exit_code == 1
    assert "There is no stack shop in us-east-1." in again.output
    told = list(stack.delete_data(read_settings()))
    assert len(told) == 9, "four buckets, the code, three databases, the images"
    assert client("s3").list_buckets()["Buckets"] == []

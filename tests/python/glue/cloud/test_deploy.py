"""Deploy and destroy against a CloudFormation that plays a stack: what is asked, made and kept."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import click
import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner, Result
from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket

from glue.__main__ import main
from glue.cloud import stack
from glue.cloud.preflight import Kind
from glue.settings import read_settings
from ml.tools import aws
from ml.tools.aws import error_code
from tests.python.glue.cloud.policies import decide
from tests.python.glue.cloud.test_stack import NEEDED
from tests.python.glue.conftest import Account
from tests.python.glue.emulated_crawler import aws_error

Run = Callable[..., Result]


@dataclass
class Stacks:
    """A CloudFormation with one stack; None before it is made."""

    status: str | None = None
    execution: str = "AVAILABLE"
    asked: list[str] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)
    work_group: dict[str, Any] = field(default_factory=dict)
    findings: dict[Kind, list[str]] = field(default_factory=dict)  # of the preflight

    def update_work_group(self, **asked: Any) -> None:  # noqa: ANN401
        """Change Athena's work group, which moto does not."""
        self.work_group = asked

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        """Describe the stack."""
        if self.status is None:
            message = f"Stack with id {StackName} does not exist"
            raise ClientError({"Error": {"Code": "ValidationError", "Message": message}}, "D")
        return {"Stacks": [{"StackStatus": self.status, "Outputs": []}]}

    def create_change_set(self, **options: Any) -> dict[str, str]:  # noqa: ANN401
        """Make a change set."""
        self.asked.append(options["ChangeSetType"])
        self.options = options
        return {"Id": "1"}

    def describe_change_set(self, **_asked: str) -> dict[str, Any]:
        """Show the change set."""
        change = {"Action": "Add", "LogicalResourceId": "Raw", "ResourceType": "AWS::S3::Bucket"}
        return {
            "ChangeSetId": "1",
            "ChangeSetName": "deploy-1",
            "ExecutionStatus": self.execution,
            "Changes": [{"ResourceChange": change}],
        }

    def execute_change_set(self, **_asked: str) -> None:
        """Make or change the stack."""
        self.asked.append("execute")
        self.status = "CREATE_COMPLETE"

    def delete_change_set(self, **_asked: str) -> None:
        """Drop the change set."""
        self.asked.append("drop")

    def delete_stack(self, **_asked: str) -> None:
        """Delete the stack."""
        self.asked.append("delete")
        self.status = None

    def get_waiter(self, _name: str) -> "Stacks":
        """Give a waiter."""
        return self

    def wait(self, **_asked: Any) -> None:  # noqa: ANN401
        """Wait for nothing."""


@pytest.fixture(autouse=True)
def no_bucket_policies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Policies are stored and not applied: moto passes over conditions, so one on TLS bars all."""
    monkeypatch.setattr(FakeBucket, "get_permission", lambda *_asked: PermissionResult.NEUTRAL)


@pytest.fixture
def stacks(account: Account, monkeypatch: pytest.MonkeyPatch) -> Stacks:
    assert account.settings.name == "shop"
    found, real = Stacks(), aws.client
    clients = {"cloudformation": found, "athena": found, "glue": account.glue}
    monkeypatch.setattr("glue.cloud.stack.client", lambda name: clients.get(name) or real(name))
    monkeypatch.setattr(stack, "findings", lambda _settings, kind: found.findings.get(kind, []))
    for variable, value in NEEDED.items():
        monkeypatch.setenv(variable, value)
    return found


def test_nothing_is_applied_before_somebody_agrees(stacks: Stacks) -> None:
    refused = CliRunner().invoke(main, ["deploy"], input="n\n")
    assert refused.exit_code == 0
    assert "AWS::S3::Bucket" in refused.output, "what would change is shown"
    assert refused.output.endswith("Nothing was changed.\n")
    assert "execute" not in stacks.asked
    agreed = CliRunner().invoke(main, ["deploy"], input="y\n")
    assert agreed.exit_code == 0, agreed.output
    assert stacks.asked[-1] == "execute"


def test_a_change_set_is_prepared_by_one_and_applied_by_another(
    stacks: Stacks, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = "arn:aws:iam::123456789012:role/stack"
    monkeypatch.setenv("NEXT_BASKET_STACK_ROLE", role)
    prepared = run("deploy", "--prepare")
    assert prepared.exit_code == 0, prepared.output
    assert "AWS::S3::Bucket" in prepared.output
    assert prepared.output.endswith("\nchange set: deploy-1\n")
    assert stacks.asked == ["CREATE"], "neither applied nor dropped"
    assert stacks.options["RoleARN"] == role
    applied = run("deploy", "--apply", "deploy-1")
    assert applied.exit_code == 0, applied.output
    assert stacks.asked == ["CREATE", "execute"], "and none is made anew"


def test_a_change_set_that_was_overtaken_is_not_applied(stacks: Stacks, run: Run) -> None:
    stacks.execution = "OBSOLETE"
    failed = run("deploy", "--apply", "deploy-1")
    assert failed.exit_code == 1
    assert "cannot be applied any more (OBSOLETE): prepare one anew" in failed.output
    assert stacks.asked == []


def test_what_would_not_work_stops_before_anything_is_made(
    stacks: Stacks, run: Run, account: Account
) -> None:
    stacks.findings = {Kind.STOPS: ["Subnet a.", "Fargate b."], Kind.WARNS: ["Lake c."]}
    for way in ("--yes", "--prepare"):
        failed = run("deploy", way)
        assert failed.exit_code == 1
        told = "Warning: Lake c.\nError: Nothing was made.\nSubnet a.\nFargate b.\n"
        assert failed.output == told
        assert (stacks.asked, account.glue.classifiers) == ([], {})
        assert len(account.s3.list_buckets()["Buckets"]) == 4, "those of the account, and no code"


def test_deploy_tells_what_is_next_each_time(
    stacks: Stacks, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def next_of(done: Result) -> list[str]:
        assert done.exit_code == 0, done.output
        return [line for line in done.output.splitlines() if line.startswith("Next: ")]

    stacks.findings = {Kind.WARNS: ["Lake c."], Kind.NEXT: ["Push the image.", "Upload."]}
    told = ["Next: Push the image.", "Next: Upload."]
    assert next_of(run("deploy", "--yes")) == told
    monkeypatch.setattr(stack, "_make_change_set", lambda *_asked: None)
    assert next_of(run("deploy")) == told, "also where nothing is to be changed"
    assert next_of(run("deploy", "--prepare")) == [], "the role of a release may not look"
    stacks.findings = {}
    assert next_of(run("deploy")) == ["Next: nothing, the stack is complete."]
    assert stacks.asked == ["CREATE", "execute"]


def test_only_one_way_to_deploy_is_taken(stacks: Stacks, run: Run) -> None:
    failed = run("deploy", "--yes", "--prepare")
    assert failed.exit_code == 2
    assert "choose one" in failed.output
    assert stacks.asked == []


def test_deploy_makes_then_changes_and_sets_the_least_encryption(
    stacks: Stacks, run: Run, account: Account
) -> None:
    assert run("deploy", "--yes").exit_code == 0
    assert run("deploy", "--yes").exit_code == 0
    assert stacks.asked == ["CREATE", "execute", "UPDATE", "execute"]
    assert stacks.options["Capabilities"] == ["CAPABILITY_IAM"], "no role has a chosen name"
    assert stacks.options["Tags"] == [{"Key": "next-basket-stack", "Value": "shop"}]
    assert stacks.work_group == {
        "WorkGroup": account.settings.work_group,
        "ConfigurationUpdates": {"EnableMinimumEncryptionConfiguration": True},
    }


def test_stack_of_a_first_deploy_that_failed_is_removed_first(stacks: Stacks, run: Run) -> None:
    stacks.status = "ROLLBACK_COMPLETE"
    done = run("deploy", "--yes")
    assert done.exit_code == 0, done.output
    assert stacks.asked == ["delete", "CREATE", "execute"]
    assert "Stack shop was never made" in done.output


@pytest.mark.parametrize(
    "status", ["UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_FAILED", "DELETE_FAILED", "ROLLBACK_FAILED"]
)
def test_stack_that_takes_no_change_is_one_sentence(
    stacks: Stacks, run: Run, account: Account, status: str
) -> None:
    stacks.status = status
    failed = run("deploy", "--yes")
    assert failed.exit_code == 1
    assert f"Stack shop is {status} and takes no change" in failed.output
    assert (stacks.asked, account.glue.classifiers) == ([], {})


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (
            "a-shop-of-a-very-long-name-x",
            "No bucket can be called a-shop-of-a-very-long-name-x-art",
        ),
        (
            "Shop",
            "The stack would be called 'Shop': NEXT_BASKET_NAME, with the stage behind it, has 2",
        ),
        ("x" * 32, "has 2 to 31 lower-case letters"),
    ],
)
def test_name_that_no_bucket_can_have_is_refused_before_anything_is_made(
    stacks: Stacks, account: Account, monkeypatch: pytest.MonkeyPatch, name: str, told: str
) -> None:
    monkeypatch.setenv("NEXT_BASKET_NAME", name)
    monkeypatch.setenv("AWS_REGION", "ap-southeast-1")
    monkeypatch.delenv("NEXT_BASKET_ARTIFACTS")
    failed = CliRunner().invoke(main, ["deploy", "--yes"])
    assert failed.exit_code == 1
    assert told in failed.output
    assert (stacks.asked, account.glue.classifiers) == ([], {})
    assert len(account.s3.list_buckets()["Buckets"]) == 4, "those of the account, and no code"


def test_longest_name_fits_in_the_longest_region() -> None:
    """What the check is for: 31 letters, which the template takes, can be 69 in a bucket's name."""
    names = {"NEXT_BASKET_NAME": "x" * 31, "AWS_REGION": "ap-southeast-1"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("glue.settings.account_id", lambda: "123456789012")
        bucket = read_settings(names).artifacts.bucket
    assert len(bucket) == 69
    assert not stack._BUCKET.fullmatch(bucket)  # noqa: SLF001
    assert stack._BUCKET.fullmatch(bucket[6:])  # noqa: SLF001


def test_code_bucket_is_private_versioned_and_takes_tls_alone(
    stacks: Stacks, run: Run, account: Account
) -> None:
    assert run("deploy", "--yes").exit_code == 0
    assert stacks.asked
    bucket = stack.code_bucket(account.settings)
    block = account.s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert block == dict.fromkeys(
        ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True
    )
    assert account.s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    statements = json.loads(account.s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]
    for resource in (f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/x/template.yaml"):
        plain = {"aws:SecureTransport": "false"}
        assert decide(statements, "s3:GetObject", resource, plain, "any") == "deny"


def test_code_goes_to_no_bucket_of_another_account(
    stacks: Stacks, run: Run, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name can be guessed, and who holds it decides which roles the stack makes."""
    calls: list[tuple[str, str | None]] = []

    class Guessed:
        def head_bucket(self, **asked: str) -> None:
            """Refuse an owner that is not the one who is expected."""
            calls.append(("head", asked.get("ExpectedBucketOwner")))
            raise ClientError({"Error": {"Code": "403", "Message": "Forbidden"}}, "HeadBucket")

        def __getattr__(self, name: str) -> Any:  # noqa: ANN401
            """Refuse everything else."""
            raise AssertionError(name)

    found: Callable[[str], Any] = vars(stack)["client"]
    monkeypatch.setattr(
        "glue.cloud.stack.client", lambda name: Guessed() if name == "s3" else found(name)
    )
    failed = run("deploy", "--yes")
    assert failed.exit_code == 1
    assert "belongs to another account" in failed.output
    assert calls == [("head", "123456789012")]
    assert stacks.asked == []
    assert account.settings.name == "shop"


def test_every_write_to_the_code_bucket_names_its_owner(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    owners: dict[str, set[str | None]] = {}
    s3 = aws.client("s3")

    def note(params: dict[str, Any], model: Any, **_rest: Any) -> None:  # noqa: ANN401
        owners.setdefault(model.name, set()).add(params.get("ExpectedBucketOwner"))

    s3.meta.events.register("before-parameter-build.s3", note)
    monkeypatch.setattr("glue.cloud.stack.client", lambda _name: s3)
    stack.upload_code(account.settings)
    assert owners.pop("CreateBucket") == {None}, "it is our own then"
    assert owners.keys() >= {"HeadBucket", "PutObject", "PutBucketPolicy"}
    assert {owner for given in owners.values() for owner in given} == {"123456789012"}


def test_destroy_goes_on_past_what_is_not_there(stacks: Stacks, run: Run, account: Account) -> None:
    """A deploy that failed half-way leaves some buckets, or none, and perhaps no stack."""
    account.s3.put_object(Bucket="shop-raw", Key="orders/orders.csv", Body=b"x")
    account.s3.delete_bucket(Bucket="shop-lake")
    plain = run("destroy", "--yes")
    assert (plain.exit_code, "There is no stack shop" in plain.output) == (1, True)
    done = run("destroy", "--yes", "--with-data")
    assert done.exit_code == 0, done.output
    assert stacks.asked == []
    assert done.output.splitlines() == [
        "stack shop: not there",
        "bucket shop-raw: deleted with 1 object versions",
        "bucket shop-lake: not there",
        "bucket shop-artifacts: deleted with 0 object versions",
        "bucket shop-results: deleted with 0 object versions",
        "bucket shop-code-123456789012-us-east-1: not there",
        "Glue database raw: deleted",
        "Glue database next_basket: not there",
        "Glue database predictions: not there",
        "images shop: not there",
    ]
    assert account.s3.list_buckets()["Buckets"] == []


def test_bucket_of_another_stack_is_not_destroyed(
    stacks: Stacks, run: Run, account: Account
) -> None:
    """The lake that ATHENA_LAKE names may be another stage's."""
    stacks.status = "CREATE_COMPLETE"

    def tag(owner: str) -> None:
        tags = [{"Key": "next-basket-stack", "Value": owner}]
        account.s3.put_bucket_tagging(Bucket="shop-lake", Tagging={"TagSet": tags})

    tag("shop-dev")
    failed = run("destroy", "--yes", "--with-data")
    assert failed.exit_code == 1
    assert "Bucket shop-lake is of stack shop-dev, not of shop: nothing was" in failed.output
    assert stacks.asked == []
    assert len(account.s3.list_buckets()["Buckets"]) == 4
    tag("shop")
    assert run("destroy", "--yes", "--with-data").exit_code == 0
    assert account.s3.list_buckets()["Buckets"] == []


@pytest.mark.parametrize("status", ["CREATE_COMPLETE", "ROLLBACK_COMPLETE", "DELETE_FAILED"])
def test_destroy_keeps_the_data_unless_told(
    stacks: Stacks, run: Run, account: Account, status: str
) -> None:
    stacks.status = status
    assert (
        CliRunner().invoke(main, ["destroy"], input="n\n").output.endswith("Nothing was removed.\n")
    )
    assert stacks.asked == []
    done = run("destroy", "--yes")
    assert done.exit_code == 0, done.output
    assert "Kept: s3://shop-raw/" in done.output
    assert stacks.asked == ["delete"]
    assert len(account.s3.list_buckets()["Buckets"]) == 4


def test_object_that_cannot_be_deleted_is_named(account: Account) -> None:
    class Locked:
        def get_paginator(self, _name: str) -> "Locked":
            """Give itself."""
            return self

        def paginate(self, **_asked: str) -> list[dict[str, Any]]:
            """List one version."""
            return [{"Versions": [{"Key": "x", "VersionId": "1"}]}]

        def delete_objects(self, **_asked: Any) -> dict[str, Any]:  # noqa: ANN401
            """Delete nothing."""
            return {"Errors": [{"Key": "x", "Message": "Access Denied"}]}

    assert account.settings.name == "shop"
    with pytest.raises(click.ClickException, match="x of bucket b could not be deleted: Access D"):
        stack._delete_bucket(Locked(), "b")  # noqa: SLF001


def test_other_refusals_stop_the_destruction() -> None:
    def refuse() -> None:
        raise aws_error("AccessDenied", "DeleteBucket")

    with pytest.raises(ClientError) as refused:
        stack._unless_missing(refuse)  # noqa: SLF001
    assert error_code(refused.value) == "AccessDenied"


def test_answers_are_not_deployed_before_their_image_is_there(
    stacks: Stacks, run: Run, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A function cannot be made without one: all that a first deploy makes would go again."""
    monkeypatch.setenv("NEXT_BASKET_ANSWERS", "5")
    ecr = aws.client("ecr")

    def push(tag: str) -> None:
        manifest = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "tag": tag}
        ecr.put_image(repositoryName="shop", imageManifest=json.dumps(manifest), imageTag=tag)

    def refused() -> None:
        failed = run("deploy", "--yes")
        assert failed.exit_code == 1
        assert "There is no image shop:first, which answers carts" in failed.output
        assert (stacks.asked, account.glue.classifiers) == ([], {})

    refused()
    ecr.create_repository(repositoryName="shop")
    refused()
    push("other")
    refused()
    push("first")
    done = run("deploy", "--yes")
    assert done.exit_code == 0, done.output
    assert {"ParameterKey": "AnswersAtOnce", "ParameterValue": "5"} in stacks.options["Parameters"]

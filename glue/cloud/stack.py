"""Deploy and destroy: the template with its parameters, as a change set that is shown first."""

import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import click
from botocore.exceptions import ClientError, WaiterError

from glue.cloud.crawl import ensure_classifier
from glue.cloud.preflight import TAG, Kind, findings, has_image
from glue.settings import LANDING, Settings, read_settings
from ml.tools.aws import account_id, client, error_code, is_missing, partition
from ml.tools.paths import ROOT
from ml.tools.terminal import print_table

FOLDER = ROOT / "glue" / "cloud"
CODE = ("template.yaml", "databrew.yaml", "answers.yaml", "etl.asl.json", "export_job.py")
_FAILED = ("CREATE_FAILED", "UPDATE_FAILED", "DELETE_FAILED")
_POLL = {"Delay": 5, "MaxAttempts": 360}
# statuses of a stack that takes a change; a first deploy that failed takes none, and holds nothing
_CHANGEABLE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE")
_NEVER_MADE = "ROLLBACK_COMPLETE"
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_NAME = re.compile(r"[a-z][a-z0-9-]{1,30}")  # the template's own pattern
_NOTHING = ("didn't contain changes", "No updates are to be performed")


@click.command()
@click.option("--yes", is_flag=True, help="Apply the change set without asking.")
@click.option("--prepare", is_flag=True, help="Show the change set and leave it, to be applied.")
@click.option("--apply", "prepared", metavar="NAME", help="Apply the change set that was prepared.")
def deploy(yes: bool, prepare: bool, prepared: str | None) -> None:
    """
    Make or change everything in the account, after showing what will change.

    What would not work is told before anything is made, and after it what is still to be done:
    repeat the command at any point to see what is next.
    """
    if sum((yes, prepare, prepared is not None)) > 1:
        raise click.UsageError("--yes, --prepare and --apply are three ways: choose one.")
    cloudformation = client("cloudformation")  # without a region there is none
    settings = read_settings()
    check_complete(settings)
    if prepared is not None:
        exists = _stack(cloudformation, settings.name) is not None
        _apply(cloudformation, settings, _prepared(cloudformation, settings, prepared), exists)
        return
    _check_account(settings)
    exists = _is_to_be_changed(cloudformation, settings.name)
    if settings.answers:
        _check_image(settings)
    # the crawler names the classifier, so it comes first
    ensure_classifier(client("glue"), settings.classifier)
    prefix = upload_code(settings)
    change_set = _make_change_set(cloudformation, settings, prefix, exists)
    if change_set is None:
        click.echo(f"Stack {settings.name} is as the template says: nothing to change.")
        if not prepare:
            _tell_next(settings)
        return
    _show(change_set["Changes"])
    if prepare:
        click.echo(f"change set: {change_set['ChangeSetName']}")
        return
    if not yes and not click.confirm("Apply these changes?"):
        _drop_change_set(cloudformation, settings, change_set, exists)
        click.echo("Nothing was changed.")
        return
    _apply(cloudformation, settings, change_set, exists)


def _check_image(settings: Settings) -> None:
    """Refuse answers whose image is not there: no function is made without, and all rolls back."""
    if not has_image(settings):
        raise click.ClickException(
            f"There is no image {settings.name}:{settings.image_tag}, which answers carts: deploy"
            " with NEXT_BASKET_ANSWERS=0, push the image, then deploy again."
        )


def _prepared(cloudformation: Any, settings: Settings, name: str) -> dict[str, Any]:  # noqa: ANN401
    """Give a change set that was prepared and can be applied still."""
    try:
        change_set: dict[str, Any] = cloudformation.describe_change_set(
            StackName=settings.name, ChangeSetName=name
        )
    except ClientError as error:
        if error_code(error) not in {"ChangeSetNotFound", "ChangeSetNotFoundException"}:
            raise
        raise click.ClickException(
            f"Stack {settings.name} has no change set {name}: prepare one anew."
        ) from None
    # the stack has changed since, or another change set was applied first
    if change_set["ExecutionStatus"] != "AVAILABLE":
        raise click.ClickException(
            f"Change set {name} cannot be applied any more ({change_set['ExecutionStatus']}):"
            " prepare one anew."
        )
    return change_set


def _apply(
    cloudformation: Any,  # noqa: ANN401
    settings: Settings,
    change_set: dict[str, Any],
    exists: bool,
) -> None:
    begun = time.time()
    cloudformation.execute_change_set(ChangeSetName=change_set["ChangeSetId"])
    kind = "stack_update_complete" if exists else "stack_create_complete"
    _wait(cloudformation, settings.name, kind, begun)
    _set_minimum_encryption(settings)
    for output in _stack(cloudformation, settings.name)["Outputs"]:  # type: ignore[index]
        click.echo(f"{output['OutputKey']}: {output['OutputValue']}")
    _tell_next(settings)


def _check_account(settings: Settings) -> None:
    for warning in findings(settings, Kind.WARNS):
        click.echo(f"Warning: {warning}", err=True)
    if wrong := findings(settings, Kind.STOPS):
        raise click.ClickException("\n".join(["Nothing was made.", *wrong]))


def _tell_next(settings: Settings) -> None:
    for line in findings(settings, Kind.NEXT) or ["nothing, the stack is complete."]:
        click.echo(f"Next: {line}")


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--with-data", is_flag=True, help="Delete buckets, tables and images as well.")
def destroy(yes: bool, with_data: bool) -> None:
    """Remove the stack. Buckets, Glue databases and images stay, unless told otherwise."""
    settings = read_settings()
    cloudformation = client("cloudformation")
    exists = _stack(cloudformation, settings.name) is not None
    if not exists and not with_data:
        raise click.ClickException(f"There is no stack {settings.name} in {settings.region}.")
    if with_data:
        _check_owner(settings)
    what = "the stack AND ALL ITS DATA" if with_data else "the stack; its data stays"
    if not yes and not click.confirm(f"Remove {settings.name}: {what}?"):
        click.echo("Nothing was removed.")
        return
    if exists:
        _delete_stack(cloudformation, settings.name)
    else:
        click.echo(f"stack {settings.name}: not there")
    _unless_missing(partial(client("glue").delete_classifier, Name=settings.classifier))
    if with_data:
        for line in delete_data(settings):
            click.echo(line)
    else:
        places = (settings.raw, settings.lake, settings.artifacts, settings.results)
        click.echo("Kept: " + ", ".join(str(place) for place in places))


def check_complete(settings: Settings) -> None:
    """
    Refuse to deploy before every setting that has no default is there.

    Raises
    ------
    click.ClickException
        If one is missing, a place is not a whole bucket, or a name is one that AWS would refuse.

    """
    missing = [
        variable
        for variable, value in {
            "NEXT_BASKET_ALERT_EMAIL": settings.alert_email,
            "NEXT_BASKET_VPC": settings.vpc,
            "NEXT_BASKET_SUBNETS": settings.subnets,
        }.items()
        if not value
    ]
    if missing:
        raise click.ClickException(
            f"{', '.join(missing)} not set: the stack cannot be deployed without (glue/README.md)."
        )
    for place in (settings.raw, settings.lake, settings.results, settings.artifacts):
        if place.prefix:
            raise click.ClickException(
                f"{place} is a part of a bucket: the template makes whole buckets, name one."
            )
    buckets = {place.bucket for place in (settings.raw, settings.lake, settings.results)}
    if len(buckets | {settings.artifacts.bucket}) < 4:  # noqa: PLR2004 - raw, lake, results, artifacts
        raise click.ClickException(
            "Raw files, lake, results and artifacts need four different buckets: two are the same."
        )
    _check_names(settings)


def _check_names(settings: Settings) -> None:
    if not _NAME.fullmatch(settings.name):
        raise click.ClickException(
            f"The stack would be called '{settings.name}': NEXT_BASKET_NAME, with the stage behind"
            " it, has 2 to 31 lower-case letters, digits and hyphens, a letter first."
        )
    for bucket in _buckets(settings):
        if not _BUCKET.fullmatch(bucket):
            raise click.ClickException(
                f"No bucket can be called {bucket} ({len(bucket)} characters): a name has 3 to 63"
                " lower-case letters, digits, hyphens and dots. Choose a shorter NEXT_BASKET_NAME."
            )


def _buckets(settings: Settings) -> list[str]:
    places = (settings.raw, settings.lake, settings.artifacts, settings.results)
    return [*(place.bucket for place in places), code_bucket(settings)]


def parameters(settings: Settings, prefix: str) -> dict[str, str]:
    """Give the template's parameters."""
    return {
        "Name": settings.name,
        "RawBucket": settings.raw.bucket,
        "LakeBucket": settings.lake.bucket,
        "ResultsBucket": settings.results.bucket,
        "ArtifactsBucket": settings.artifacts.bucket,
        "CodeBucket": code_bucket(settings),
        "CodePrefix": prefix,
        "RawDatabase": settings.raw_database,
        "LakeDatabase": settings.lake_database,
        "PredictionsDatabase": settings.predictions_database,
        "WorkGroupName": settings.work_group,
        "CrawlerName": settings.crawler,
        "ClassifierName": settings.classifier,
        "Landing": LANDING,
        "AlertEmail": settings.alert_email,
        "Vpc": settings.vpc,
        "Subnets": settings.subnets,
        "PublicIp": settings.public_ip,
        "RouteTables": settings.route_tables,
        "ImageTag": settings.image_tag,
        "ScheduleExpression": settings.schedule,
        "ScheduleTimeZone": settings.time_zone,
        "Windows": str(settings.windows),
        "Margin": str(settings.margin),
        "DriftLimit": str(settings.drift_limit),
        "ScanLimitBytes": str(settings.scan_limit_gb * 10**9),
        "BudgetUsd": str(settings.budget_usd),
        "AnswersAtOnce": str(settings.answers),
        "AnswersMemoryMb": str(settings.answers_memory_mb),
    }


def code_bucket(settings: Settings) -> str:
    """Give the bucket that holds what the stack itself is made of."""
    return f"{settings.name}-code-{account_id()}-{settings.region}"


def upload_code(settings: Settings) -> str:
    """
    Bring template, state machine and Spark job to the code bucket, which is made if missing.

    Raises
    ------
    click.ClickException
        If the bucket is another account's: its name can be guessed, and who owns it decides which
        roles the stack makes.

    """
    s3, bucket, owner = client("s3"), code_bucket(settings), account_id()
    _make_code_bucket(s3, settings, bucket, owner)
    files = {name: (FOLDER / name).read_bytes() for name in CODE}
    # named by content: CloudFormation sees a change only where a key changes
    digest = hashlib.sha256(b"".join(files[name] for name in CODE)).hexdigest()
    prefix = f"{digest[:16]}/"
    for name, content in files.items():
        s3.put_object(Bucket=bucket, Key=prefix + name, Body=content, ExpectedBucketOwner=owner)
    return prefix


def _make_code_bucket(s3: Any, settings: Settings, bucket: str, owner: str) -> None:  # noqa: ANN401
    """Make the code bucket if it is missing, and close it: versioned, private, TLS only."""
    mine = {"Bucket": bucket, "ExpectedBucketOwner": owner}
    try:
        s3.head_bucket(**mine)
    except ClientError as error:
        if error_code(error) in {"403", "AccessDenied"}:
            raise click.ClickException(
                f"Bucket {bucket} belongs to another account, or these credentials may not use it:"
                " nothing was sent to it. Choose another NEXT_BASKET_NAME."
            ) from None
        if not is_missing(error):
            raise
        # the one region that may not be named
        place = (
            {}
            if settings.region == "us-east-1"
            else {"CreateBucketConfiguration": {"LocationConstraint": settings.region}}
        )
        s3.create_bucket(Bucket=bucket, **place)
    s3.put_public_access_block(
        **mine,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "BlockPublicPolicy": True,
            "IgnorePublicAcls": True,
            "RestrictPublicBuckets": True,
        },
    )
    s3.put_bucket_tagging(**mine, Tagging={"TagSet": _tags(settings)})
    s3.put_bucket_versioning(**mine, VersioningConfiguration={"Status": "Enabled"})
    arn = f"arn:{partition(settings.region)}:s3:::{bucket}"
    tls_only = {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    policy = {"Version": "2012-10-17", "Statement": [tls_only]}
    s3.put_bucket_policy(**mine, Policy=json.dumps(policy))


def _make_change_set(
    cloudformation: Any,  # noqa: ANN401
    settings: Settings,
    prefix: str,
    exists: bool,
) -> dict[str, Any] | None:
    """Make a change set and give it once it is ready; None if it holds no change."""
    code = f"{client('s3').meta.endpoint_url}/{code_bucket(settings)}/{prefix}"
    made = cloudformation.create_change_set(
        StackName=settings.name,
        ChangeSetName=f"deploy-{int(time.time())}",
        ChangeSetType="UPDATE" if exists else "CREATE",
        TemplateURL=f"{code}template.yaml",
        Parameters=[
            {"ParameterKey": key, "ParameterValue": value}
            for key, value in parameters(settings, prefix).items()
        ],
        # it makes roles, and comes from a bucket that was seen to be this account's
        Capabilities=["CAPABILITY_IAM"],
        Tags=_tags(settings),  # CloudFormation passes them on to all that it makes
        **({"RoleARN": settings.stack_role} if settings.stack_role else {}),
    )
    try:
        cloudformation.get_waiter("change_set_create_complete").wait(
            ChangeSetName=made["Id"], StackName=settings.name, WaiterConfig=_POLL
        )
    except WaiterError as error:
        reason = cloudformation.describe_change_set(ChangeSetName=made["Id"])["StatusReason"]
        if any(nothing in reason for nothing in _NOTHING):
            cloudformation.delete_change_set(ChangeSetName=made["Id"])
            return None
        raise click.ClickException(f"The change set could not be made: {reason}") from error
    change_set: dict[str, Any] = cloudformation.describe_change_set(ChangeSetName=made["Id"])
    return change_set


def _tags(settings: Settings) -> list[dict[str, str]]:
    return [{"Key": TAG, "Value": settings.name}]


def _drop_change_set(
    cloudformation: Any,  # noqa: ANN401
    settings: Settings,
    change_set: dict[str, Any],
    exists: bool,
) -> None:
    if exists:
        cloudformation.delete_change_set(ChangeSetName=change_set["ChangeSetId"])
    else:  # a stack that was only reviewed has no resource, and would be in the way
        cloudformation.delete_stack(StackName=settings.name)


def _show(changes: list[dict[str, Any]]) -> None:
    told = ("Action", "LogicalResourceId", "ResourceType", "Replacement")
    rows = [[change["ResourceChange"].get(key, "") for key in told] for change in changes]
    print_table(("change", "resource", "type", "replaced"), rows, left=4)


def _stack(cloudformation: Any, name: str) -> dict[str, Any] | None:  # noqa: ANN401
    try:
        stack: dict[str, Any] = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    # what a refused first change set leaves behind
    return None if stack["StackStatus"] in {"REVIEW_IN_PROGRESS", "DELETE_COMPLETE"} else stack


def _is_to_be_changed(cloudformation: Any, name: str) -> bool:  # noqa: ANN401
    """Tell whether there is a stack to change; remove what a first deploy that failed left."""
    stack = _stack(cloudformation, name)
    if stack is None:
        return False
    status = stack["StackStatus"]
    if status == _NEVER_MADE:
        click.echo(f"Stack {name} was never made: what its first deploy left is removed.")
        _delete_stack(cloudformation, name)
        return False
    if status not in _CHANGEABLE:
        raise click.ClickException(
            f"Stack {name} is {status} and takes no change: wait if it is in progress, else remove"
            " it with `python -m glue destroy`, then deploy again."
        )
    return True


def _delete_stack(cloudformation: Any, name: str) -> None:  # noqa: ANN401
    begun = time.time()
    cloudformation.delete_stack(StackName=name)
    _wait(cloudformation, name, "stack_delete_complete", begun)


def _wait(cloudformation: Any, name: str, waiter: str, begun: float) -> None:  # noqa: ANN401
    try:
        cloudformation.get_waiter(waiter).wait(StackName=name, WaiterConfig=_POLL)
    except WaiterError as error:
        for line in _failures(cloudformation, name, begun):
            click.echo(line, err=True)
        raise click.ClickException(
            f"Stack {name} did not become complete: the lines above name each resource that failed"
            " and why."
        ) from error


def _failures(cloudformation: Any, name: str, begun: float) -> Iterator[str]:  # noqa: ANN401
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=name)
    for page in pages:
        for event in page["StackEvents"]:
            is_new = event["Timestamp"].timestamp() >= begun - 60
            if is_new and event.get("ResourceStatus") in _FAILED:
                reason = event.get("ResourceStatusReason", "no reason given")
                yield f"{event['LogicalResourceId']} {event['ResourceStatus']}: {reason}"


def _set_minimum_encryption(settings: Settings) -> None:
    """Make the work group encrypt results that a client sends elsewhere; the template cannot."""
    client("athena").update_work_group(
        WorkGroup=settings.work_group,
        ConfigurationUpdates={"EnableMinimumEncryptionConfiguration": True},
    )


def _check_owner(settings: Settings) -> None:
    """Refuse to delete a bucket that bears the tag of another stack."""
    for bucket in _buckets(settings):
        try:
            tags = client("s3").get_bucket_tagging(Bucket=bucket)["TagSet"]
        except ClientError as error:
            if error_code(error) not in {"NoSuchBucket", "NoSuchTagSet"}:
                raise
            continue
        for owner in (one["Value"] for one in tags if one["Key"] == TAG):
            if owner != settings.name:
                raise click.ClickException(
                    f"Bucket {bucket} is of stack {owner}, not of {settings.name}: nothing was"
                    " removed."
                )


def delete_data(settings: Settings) -> Iterator[str]:
    """
    Delete every bucket with all its versions, the databases and the images; say what went.

    What is not there was never made, or went the last time: it is said and passed over.
    """
    s3, glue = client("s3"), client("glue")
    for bucket in _buckets(settings):
        gone = _unless_missing(partial(_delete_bucket, s3, bucket))
        yield f"bucket {bucket}: {gone}"
    databases = (settings.raw_database, settings.lake_database, settings.predictions_database)
    for database in databases:
        gone = _unless_missing(partial(glue.delete_database, Name=database))
        yield f"Glue database {database}: {gone}"
    images = client("ecr").delete_repository
    gone = _unless_missing(partial(images, repositoryName=settings.name, force=True))
    yield f"images {settings.name}: {gone}"


_GONE = {"NoSuchBucket", "EntityNotFoundException", "RepositoryNotFoundException"}


def _unless_missing(delete: Callable[[], Any]) -> str:
    """Delete something, and say how it went."""
    try:
        told = delete()
    except ClientError as error:
        if error_code(error) not in _GONE:
            raise
        return "not there"
    return told if isinstance(told, str) else "deleted"


def _delete_bucket(s3: Any, bucket: str) -> str:  # noqa: ANN401
    count = 0
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        versions = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        objects = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in versions]
        if objects:
            done = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
            for failed in done.get("Errors", []):
                raise click.ClickException(
                    f"{failed['Key']} of bucket {bucket} could not be deleted: {failed['Message']}"
                )
            count += len(objects)
    s3.delete_bucket(Bucket=bucket)
    return f"deleted with {count} object versions"

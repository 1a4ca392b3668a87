"""Deploy and destroy: the template with its parameters, as a change set that is shown first."""

import hashlib
import time
from collections.abc import Iterator
from typing import Any

import click
from botocore.exceptions import ClientError, WaiterError

from glue.cloud.crawl import ensure_classifier
from glue.settings import LANDING, Settings, read_settings
from ml.tools.aws import account_id, client, is_missing
from ml.tools.paths import ROOT
from ml.tools.terminal import print_table

FOLDER = ROOT / "glue" / "cloud"
CODE = ("template.yaml", "databrew.yaml", "etl.asl.json", "export_job.py")
_FAILED = ("CREATE_FAILED", "UPDATE_FAILED", "DELETE_FAILED")
_POLL = {"Delay": 5, "MaxAttempts": 360}
_NOTHING = ("didn't contain changes", "No updates are to be performed")


@click.command()
@click.option("--yes", is_flag=True, help="Apply the change set without asking.")
def deploy(yes: bool) -> None:
    """Make or change everything in the account, after showing what will change."""
    settings = read_settings()
    check_complete(settings)
    # the crawler names the classifier, so it comes first
    ensure_classifier(client("glue"), settings.classifier)
    prefix = upload_code(settings)
    cloudformation = client("cloudformation")
    exists = _stack(cloudformation, settings.name) is not None
    change_set = _make_change_set(cloudformation, settings, prefix, exists)
    if change_set is None:
        click.echo(f"Stack {settings.name} is as the template says: nothing to change.")
        return
    _show(change_set["Changes"])
    if not yes and not click.confirm("Apply these changes?"):
        _drop_change_set(cloudformation, settings, change_set, exists)
        click.echo("Nothing was changed.")
        return
    begun = time.time()
    cloudformation.execute_change_set(ChangeSetName=change_set["ChangeSetId"])
    kind = "stack_update_complete" if exists else "stack_create_complete"
    _wait(cloudformation, settings.name, kind, begun)
    _set_minimum_encryption(settings)
    for output in _stack(cloudformation, settings.name)["Outputs"]:  # type: ignore[index]
        click.echo(f"{output['OutputKey']}: {output['OutputValue']}")
    click.echo("Next: push the image, then `python -m glue upload FOLDER` (glue/README.md).")


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--with-data", is_flag=True, help="Delete buckets, tables and images as well.")
def destroy(yes: bool, with_data: bool) -> None:
    """Remove the stack. Buckets, Glue databases and images stay, unless told otherwise."""
    settings = read_settings()
    cloudformation = client("cloudformation")
    if _stack(cloudformation, settings.name) is None:
        raise click.ClickException(f"There is no stack {settings.name} in {settings.region}.")
    what = "the stack AND ALL ITS DATA" if with_data else "the stack; its data stays"
    if not yes and not click.confirm(f"Remove {settings.name}: {what}?"):
        click.echo("Nothing was removed.")
        return
    begun = time.time()
    cloudformation.delete_stack(StackName=settings.name)
    _wait(cloudformation, settings.name, "stack_delete_complete", begun)
    client("glue").delete_classifier(Name=settings.classifier)
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
        If one is missing, or a place is not a whole bucket.

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
        "ImageTag": settings.image_tag,
        "ScheduleExpression": settings.schedule,
        "ScheduleTimeZone": settings.time_zone,
        "Windows": str(settings.windows),
        "Margin": str(settings.margin),
        "ScanLimitBytes": str(settings.scan_limit_gb * 10**9),
        "BudgetUsd": str(settings.budget_usd),
    }


def code_bucket(settings: Settings) -> str:
    """Give the bucket that holds what the stack itself is made of."""
    return f"{settings.name}-code-{account_id()}-{settings.region}"


def upload_code(settings: Settings) -> str:
    """Bring template, state machine and Spark job to the code bucket, which is made if missing."""
    s3, bucket = client("s3"), code_bucket(settings)
    try:
        s3.head_bucket(Bucket=bucket)
    except ClientError as error:
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
            Bucket=bucket,
            PublicAccessBlockConfiguration={
                "BlockPublicAcls": True,
                "BlockPublicPolicy": True,
                "IgnorePublicAcls": True,
                "RestrictPublicBuckets": True,
            },
        )
    files = {name: (FOLDER / name).read_bytes() for name in CODE}
    # named by content: CloudFormation sees a change only where a key changes
    digest = hashlib.sha256(b"".join(files[name] for name in CODE)).hexdigest()
    prefix = f"{digest[:16]}/"
    for name, content in files.items():
        s3.put_object(Bucket=bucket, Key=prefix + name, Body=content)
    return prefix


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
        Capabilities=["CAPABILITY_IAM"],
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


def delete_data(settings: Settings) -> Iterator[str]:
    """Delete every bucket with all its versions, the databases and the images; say what went."""
    s3, glue = client("s3"), client("glue")
    places = (settings.raw, settings.lake, settings.artifacts, settings.results)
    for bucket in [*(place.bucket for place in places), code_bucket(settings)]:
        count = 0
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            versions = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            objects = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in versions]
            if objects:
                s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
                count += len(objects)
        s3.delete_bucket(Bucket=bucket)
        yield f"bucket {bucket}: deleted with {count} object versions"
    databases = (settings.raw_database, settings.lake_database, settings.predictions_database)
    for database in databases:
        glue.delete_database(Name=database)
        yield f"Glue database {database}: deleted"
    client("ecr").delete_repository(repositoryName=settings.name, force=True)
    yield f"images {settings.name}: deleted"

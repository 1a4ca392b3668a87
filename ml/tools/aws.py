"""AWS: clients, and errors as one sentence."""

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

import boto3
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
)

DEFAULT_REGION = "us-east-1"

_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
_UNKNOWN = {"InvalidAccessKeyId", "UnrecognizedClientException", "InvalidClientTokenId"}
_MISSING = {"404", "NotFound", "NoSuchKey"}


def client(service: str, region_name: str | None = None) -> Any:  # noqa: ANN401
    """Give a client of a service, for the region and credentials of the usual AWS variables."""
    return boto3.client(service, region_name=region_name or region())  # type: ignore[call-overload]


def region(environment: Mapping[str, str] = os.environ) -> str | None:
    """Give the region: AWS_REGION, else what boto3 finds in AWS_DEFAULT_REGION or the profile."""
    # boto3 itself does not read AWS_REGION, which dbt's profile and the containers go by
    return environment.get("AWS_REGION") or boto3.Session().region_name


def dbt_region() -> str:
    """Give the region of dbt's target athena, as profiles.yml reads it."""
    names = ("AWS_REGION", "AWS_DEFAULT_REGION")
    return next((os.environ[name] for name in names if os.environ.get(name)), DEFAULT_REGION)


def partition(region_name: str) -> str:
    """Give the partition of a region, which every ARN begins with: aws, aws-cn or aws-us-gov."""
    name: str = boto3.Session().get_partition_for_region(region_name)
    return name


@cache
def account_id() -> str:
    """Give the account that the credentials belong to."""
    account: str = client("sts").get_caller_identity()["Account"]
    return account


def error_code(error: ClientError) -> str:
    """Give the code of an error that a service answered with."""
    return error.response["Error"].get("Code", "")


def is_missing(error: ClientError) -> bool:
    """Tell whether S3 refused because there is no such object."""
    return error_code(error) in _MISSING


def message(error: Exception) -> str | None:
    """Say in one sentence what AWS refused and what to do; None for any other kind of error."""
    if isinstance(error, NoCredentialsError):
        return "No AWS credentials were found: set AWS_PROFILE, or the other usual AWS variables."
    if isinstance(error, NoRegionError):
        return "No AWS region is set: set AWS_REGION."
    if isinstance(error, EndpointConnectionError):
        return f"AWS cannot be reached: {error}."
    if isinstance(error, ClientError):
        return _refusal(error)
    return f"AWS: {error}." if isinstance(error, BotoCoreError) else None


def _refusal(error: ClientError) -> str:
    code, message = error_code(error), error.response["Error"].get("Message", "").rstrip(".")
    if code in _EXPIRED:
        return "The AWS credentials have expired: log in again, then repeat the command."
    if code in _UNKNOWN:
        return f"AWS does not know these credentials ({code}): check the usual AWS variables."
    return f"AWS refused {error.operation_name} ({code}): {message}."

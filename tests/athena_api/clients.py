"""Clients of the stand-in's own S3 and Glue, as its engines use them."""

from collections.abc import Iterator
from typing import Any, TypeAlias

import boto3
from botocore.config import Config

# The published stubs describe every entry as its own TypedDict; here entries pass through as JSON.
S3Client: TypeAlias = Any
GlueClient: TypeAlias = Any

REGION = "us-east-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "stand-in", "AWS_SECRET_ACCESS_KEY": "stand-in"}


def make_client(service: str, url: str) -> Any:  # noqa: ANN401
    """Make a boto3 client of a service at the stand-in's address."""
    return boto3.client(  # type: ignore[call-overload]
        service,
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        config=Config(max_pool_connections=50, s3={"addressing_style": "path"}),
    )


def bucket_and_key(location: str) -> tuple[str, str]:
    """Split s3://bucket/key."""
    bucket, _, key = location.removeprefix("s3://").partition("/")
    return bucket, key


def list_objects(s3: S3Client, location: str) -> Iterator[dict[str, Any]]:
    """Give the entries of all objects below a location."""
    bucket, key = bucket_and_key(location)
    prefix = key.rstrip("/") + "/" if key else ""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        yield from page.get("Contents", [])

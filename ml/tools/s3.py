"""Places and objects in S3: listed, copied to disk several at a time; small objects of JSON."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from botocore.exceptions import ClientError

from ml.tools.aws import is_missing

COPIES_AT_ONCE = 8


@dataclass(frozen=True)
class Location:
    """A place in S3: a bucket, and a prefix that is empty or ends with a slash."""

    bucket: str
    prefix: str = ""

    def __str__(self) -> str:
        """Write it as s3://bucket/prefix/."""
        return f"s3://{self.bucket}/{self.prefix}"

    def key(self, name: str) -> str:
        """Give the key of an object in this place."""
        return self.prefix + name

    def below(self, name: str) -> "Location":
        """Give the place of this name in this one."""
        return Location(self.bucket, self.key(f"{name}/"))


@dataclass(frozen=True)
class S3Object:
    """One object, its size in bytes, and the tag that tells whether it is still the same."""

    bucket: str
    key: str
    size: int
    tag: str


def location(uri: str) -> Location:
    """
    Read s3://bucket/prefix.

    Raises
    ------
    ValueError
        If it is no such address.

    """
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not bucket:
        raise ValueError(f"'{uri}' is no S3 location: write it as s3://bucket/prefix/")
    return Location(bucket, prefix.strip("/") + "/" if prefix.strip("/") else "")


def list_objects(s3: Any, place: Location) -> Iterator[S3Object]:  # noqa: ANN401
    """Give every object in a place, in the order of their keys."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=place.prefix)
    for page in pages:
        for found in page.get("Contents", []):
            yield S3Object(place.bucket, found["Key"], found["Size"], found["ETag"])


def download(s3: Any, copies: Iterable[tuple[S3Object, Path]]) -> None:  # noqa: ANN401
    """Copy objects to files, in pieces and several at a time; folders are made if missing."""
    with ThreadPoolExecutor(COPIES_AT_ONCE) as copiers:
        waiting = []
        for found, path in copies:
            path.parent.mkdir(parents=True, exist_ok=True)
            waiting.append(copiers.submit(s3.download_file, found.bucket, found.key, str(path)))
        for copied in waiting:
            copied.result()


def path_below(folder: Path, name: str) -> Path:
    """
    Give the file in a folder that a key's name stands for.

    Raises
    ------
    click.ClickException
        If the name leads out of the folder: a key may hold any text, `../` too.

    """
    if any(part in {"", ".", ".."} for part in name.split("/")):
        raise click.ClickException(
            f"The key '{name}' would be written outside of {folder}: nothing was copied. Delete it,"
            " no program of this project writes such keys."
        )
    return folder / name


def sha256_of_objects(s3: Any, place: Location) -> dict[str, str]:  # noqa: ANN401
    """Read every object in a place, and give the sha256 of each by its name below it."""
    digests = {}
    for found in list_objects(s3, place):
        digest = hashlib.sha256()
        body = s3.get_object(Bucket=found.bucket, Key=found.key)["Body"]
        for piece in body.iter_chunks(1 << 20):
            digest.update(piece)
        digests[found.key.removeprefix(place.prefix)] = digest.hexdigest()
    return digests


def read_json(s3: Any, place: Location, name: str) -> Any:  # noqa: ANN401
    """Give what an object of JSON holds; None if there is no such object."""
    try:
        body = s3.get_object(Bucket=place.bucket, Key=place.key(name))["Body"].read()
    except ClientError as error:
        if is_missing(error):
            return None
        raise
    return json.loads(body)


def write_json(s3: Any, place: Location, name: str, content: dict[str, Any]) -> None:  # noqa: ANN401
    """Write an object of JSON, in place of what is there."""
    body = json.dumps(content, indent=1) + "\n"
    s3.put_object(Bucket=place.bucket, Key=place.key(name), Body=body.encode())

"""Settings of the cloud half: one place, read from the environment.

The template's parameters, dbt's environment variables (profiles.yml.example), the crawler and the
command line all take their names from here.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import click

from ml.tools.aws import account_id
from ml.tools.aws import region as aws_region

ROOT = Path(__file__).resolve().parent.parent
LANDING = "_landed/"  # outside the six crawled prefixes
SUCCESS_KEY = LANDING + "_SUCCESS"
MANIFEST_KEY = LANDING + "manifest.json"


# EventBridge Scheduler: six fields, one of day of month and day of week a question mark
_SCHEDULE = re.compile(
    r"cron\(\S+ \S+ (\? \S+ [^?\s]+|[^?\s]+ \S+ \?) \S+\)|rate\(\d+ (minute|hour|day)s?\)"
)


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


def location(uri: str) -> Location:
    """
    Read s3://bucket/prefix.

    Raises
    ------
    click.ClickException
        If it is no such address.

    """
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not bucket:
        raise click.ClickException(f"'{uri}' is no S3 location: write it as s3://bucket/prefix/.")
    return Location(bucket, prefix.strip("/") + "/" if prefix.strip("/") else "")


@dataclass(frozen=True)
class Settings:
    """Names, places and limits of one installation."""

    name: str
    region: str
    raw: Location
    lake: Location
    results: Location
    artifacts: Location
    raw_database: str
    lake_database: str
    predictions_database: str
    work_group: str
    crawler: str
    classifier: str
    alert_email: str
    vpc: str
    subnets: str
    image_tag: str
    schedule: str
    time_zone: str
    windows: int  # target orders per shopper; live mode needs two
    margin: float  # how much mean F1 a new model may fall short of the live one
    scan_limit_gb: int  # a query that scans more is cut off
    budget_usd: int  # a month

    @property
    def live(self) -> Location:
        """Where the published model and its predictions lie."""
        return Location(self.artifacts.bucket, self.artifacts.key("live/"))

    def run(self, run_id: str) -> Location:
        """Where one run of the state machine keeps its files."""
        return Location(self.artifacts.bucket, self.artifacts.key(f"runs/{run_id}/"))

    def dbt_environment(self) -> Iterator[tuple[str, str]]:
        """Give the variables that profiles.yml and the sources read."""
        yield "AWS_REGION", self.region
        yield "ATHENA_RAW", str(self.raw)
        yield "ATHENA_LAKE", str(self.lake)
        yield "ATHENA_RESULTS", str(self.results)
        yield "ATHENA_RAW_SCHEMA", self.raw_database
        yield "ATHENA_SCHEMA", self.lake_database
        yield "ATHENA_PREDICTIONS_SCHEMA", self.predictions_database
        yield "ATHENA_WORK_GROUP", self.work_group


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """
    Read the settings from the environment; only bucket names that are not set need the account.

    Raises
    ------
    click.ClickException
        If a value is not of its kind; the sentence names the variable.

    """
    name = environment.get("NEXT_BASKET_NAME") or "next-basket"
    region = aws_region(environment) or "us-east-1"

    def place(variable: str, zone: str) -> Location:
        # bucket names are unique in the world: the account and the region make them so
        return location(environment.get(variable) or f"s3://{name}-{zone}-{account_id()}-{region}/")

    def number(variable: str, default: float, least: float) -> float:
        text = environment.get(variable) or str(default)
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not value >= least:
            raise click.ClickException(f"{variable} is '{text}': set a number of {least} or more.")
        return value

    return Settings(
        name=name,
        region=region,
        raw=place("ATHENA_RAW", "raw"),
        lake=place("ATHENA_LAKE", "lake"),
        results=place("ATHENA_RESULTS", "results"),
        artifacts=place("NEXT_BASKET_ARTIFACTS", "artifacts"),
        raw_database=environment.get("ATHENA_RAW_SCHEMA") or "raw",
        lake_database=environment.get("ATHENA_SCHEMA") or "next_basket",
        predictions_database=environment.get("ATHENA_PREDICTIONS_SCHEMA") or "predictions",
        work_group=environment.get("ATHENA_WORK_GROUP") or name,
        crawler=f"{name}-raw",
        classifier=f"{name}-csv",
        alert_email=environment.get("NEXT_BASKET_ALERT_EMAIL") or "",
        vpc=environment.get("NEXT_BASKET_VPC") or "",
        subnets=environment.get("NEXT_BASKET_SUBNETS") or "",
        image_tag=environment.get("NEXT_BASKET_IMAGE_TAG") or "first",
        schedule=_schedule(environment.get("NEXT_BASKET_SCHEDULE") or "cron(0 3 * * ? *)"),
        time_zone=environment.get("NEXT_BASKET_TIME_ZONE") or "UTC",
        windows=int(number("NEXT_BASKET_WINDOWS", 2, 2)),
        margin=number("NEXT_BASKET_MARGIN", 0.005, 0),
        scan_limit_gb=int(number("NEXT_BASKET_SCAN_LIMIT_GB", 20, 1)),
        budget_usd=int(number("NEXT_BASKET_BUDGET_USD", 75, 1)),
    )


def _schedule(expression: str) -> str:
    if not _SCHEDULE.fullmatch(expression):
        raise click.ClickException(
            f"NEXT_BASKET_SCHEDULE is '{expression}': write it as cron(0 3 * * ? *), six fields of"
            " which the third or the fifth is a question mark, or as rate(12 hours)."
        )
    return expression

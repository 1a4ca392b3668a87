"""Settings of the raw zone and the cloud half: one place, read from the environment.

The template's parameters, dbt's environment variables (profiles.yml.example), the crawler and the
command line all take their names from here.
"""

import os
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import click
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from ml.tools.aws import DEFAULT_REGION, account_id
from ml.tools.aws import region as aws_region
from ml.tools.s3 import Location, location

LANDING = "_landed/"  # outside the six crawled prefixes
SUCCESS_KEY = LANDING + "_SUCCESS"
MANIFEST_KEY = LANDING + "manifest.json"

# EventBridge Scheduler: six fields, one of day of month and day of week a question mark
_SCHEDULE = (
    r"^(cron\(\S+ \S+ (\? \S+ [^?\s]+|[^?\s]+ \S+ \?) \S+\)|rate\(\d+ (minute|hour|day)s?\))$"
)


def _place(variable: str, zone: str) -> Any:  # noqa: ANN401
    def whole_bucket(known: dict[str, Any]) -> Location:
        # bucket names are unique in the world: the account and the region make them so
        return Location(f"{known['name']}-{zone}-{account_id()}-{known['region']}")

    return Field(
        default_factory=whole_bucket, alias=variable, description="write it as s3://bucket/prefix/"
    )


def _number(variable: str, default: float, least: float) -> Any:  # noqa: ANN401
    kind = "a whole number" if isinstance(default, int) else "a number"
    return Field(
        default,
        alias=variable,
        ge=least,
        description=f"set {kind} of {least} or more",
    )


_Place = Annotated[Location, BeforeValidator(location)]


class Settings(BaseModel):
    """
    Names, places and limits of one installation.

    A field's alias is its variable; its description says what to set where a value is not of its
    kind.
    """

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    name: str = Field("next-basket", alias="NEXT_BASKET_NAME")
    region: str = Field(DEFAULT_REGION, alias="AWS_REGION")
    raw: _Place = _place("ATHENA_RAW", "raw")
    lake: _Place = _place("ATHENA_LAKE", "lake")
    results: _Place = _place("ATHENA_RESULTS", "results")
    artifacts: _Place = _place("NEXT_BASKET_ARTIFACTS", "artifacts")
    raw_database: str = Field("raw", alias="ATHENA_RAW_SCHEMA")
    lake_database: str = Field("next_basket", alias="ATHENA_SCHEMA")
    predictions_database: str = Field("predictions", alias="ATHENA_PREDICTIONS_SCHEMA")
    work_group: str = Field(default_factory=lambda known: known["name"], alias="ATHENA_WORK_GROUP")
    alert_email: str = Field("", alias="NEXT_BASKET_ALERT_EMAIL")
    vpc: str = Field("", alias="NEXT_BASKET_VPC")
    subnets: str = Field("", alias="NEXT_BASKET_SUBNETS")
    public_ip: str = Field(
        "ENABLED",
        alias="NEXT_BASKET_PUBLIC_IP",
        pattern="^(ENABLED|DISABLED)$",
        description="write ENABLED in public subnets, DISABLED in private ones",
    )
    route_tables: str = Field("", alias="NEXT_BASKET_ROUTE_TABLES")
    stack_role: str = Field(
        "",
        alias="NEXT_BASKET_STACK_ROLE",
        pattern="^(arn:[^:]+:iam::[0-9]{12}:role/.+)?$",
        description="write the ARN of a role that CloudFormation may assume, or leave it out",
    )
    image_tag: str = Field("first", alias="NEXT_BASKET_IMAGE_TAG")
    schedule: str = Field(
        "cron(0 3 * * ? *)",
        alias="NEXT_BASKET_SCHEDULE",
        pattern=_SCHEDULE,
        description="write it as cron(0 3 * * ? *), six fields of which the third or the fifth is a"
        " question mark, or as rate(12 hours)",
    )
    time_zone: str = Field("UTC", alias="NEXT_BASKET_TIME_ZONE")
    windows: int = _number("NEXT_BASKET_WINDOWS", 2, 2)  # target orders per shopper
    margin: float = _number("NEXT_BASKET_MARGIN", 0.005, 0)  # of a gate's measure, may be missing
    # population stability index of a feature or score, above which a mail is sent
    drift_limit: float = _number("NEXT_BASKET_DRIFT_LIMIT", 0.25, 0)
    scan_limit_gb: int = _number("NEXT_BASKET_SCAN_LIMIT_GB", 20, 1)  # of one query
    budget_usd: int = _number("NEXT_BASKET_BUDGET_USD", 75, 1)  # a month
    answers: int = _number("NEXT_BASKET_ANSWERS", 0, 0)  # carts at the same time; 0: no function
    answers_memory_mb: int = _number("NEXT_BASKET_ANSWERS_MEMORY_MB", 3008, 1024)

    @property
    def crawler(self) -> str:
        """Name of the crawler."""
        return f"{self.name}-raw"

    @property
    def classifier(self) -> str:
        """Name of the crawler's classifier."""
        return f"{self.name}-csv"

    @property
    def live(self) -> Location:
        """Where the published model and its predictions lie."""
        return self.artifacts.below("live")

    def run(self, run_id: str) -> Location:
        """Where one run of the state machine keeps its files."""
        return self.artifacts.below(f"runs/{run_id}")

    def dbt_environment(self) -> Iterator[tuple[str, str]]:
        """Give the variables that profiles.yml and the sources read."""
        for field in (
            *("region", "raw", "lake", "results"),
            *("raw_database", "lake_database", "predictions_database", "work_group"),
        ):
            yield str(type(self).model_fields[field].alias), str(getattr(self, field))


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """
    Read the settings from the environment; only bucket names that are not set need the account.

    Raises
    ------
    click.ClickException
        If a value is not of its kind; the sentence names the variable.

    """
    given = {variable: value for variable, value in environment.items() if value}
    region = aws_region(environment)
    try:
        return Settings.model_validate(given | ({"AWS_REGION": region} if region else {}))
    except ValidationError as error:
        wrong = error.errors()[0]
        variable = wrong["loc"][0]
        (what,) = [
            field.description for field in Settings.model_fields.values() if field.alias == variable
        ]
        raise click.ClickException(f"{variable} is '{wrong['input']}': {what}.") from None

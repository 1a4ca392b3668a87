"""Settings of the raw zone and the cloud half: one place, read from the environment.

The template's parameters, dbt's environment variables (profiles.yml.example), the crawler and the
command line all take their names from here.
"""

import os
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import click
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from ml.tools.aws import DEFAULT_REGION, account_id
from ml.tools.aws import region as aws_region
from ml.tools.s3 import Location, location

LANDING = "_landed/"  # outside the six crawled prefixes
SUCCESS_KEY = LANDING + "_SUCCESS"
MANIFEST_KEY = LANDING + "manifest.json"

SHELL_OF = "NEXT_BASKET_SHELL_OF"  # the stack whose names `python -m glue env` gave a shell
DEFAULT_STAGE = "prod"  # its names are those that are given, without the stage

# EventBridge Scheduler: six fields, one of day of month and day of week a question mark
_SCHEDULE = (
    r"^(cron\(\S+ \S+ (\? \S+ [^?\s]+|[^?\s]+ \S+ \?) \S+\)|rate\(\d+ (minute|hour|day)s?\))$"
)


def _in_stage(name: str, known: dict[str, Any], mark: str) -> str:
    stage = known.get("stage", DEFAULT_STAGE)
    return name if stage == DEFAULT_STAGE else f"{name}{mark}{stage}"


def _database(variable: str, name: str) -> Any:  # noqa: ANN401
    return Field(
        default_factory=lambda known: _in_stage(name, known, "_"),
        alias=variable,
        pattern="^[a-z0-9_]{1,255}$",
        description="write 1 to 255 lower-case letters, digits and underscores",
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

    The stage is behind every name: `next-basket-dev`, `raw_dev`. That of the default stage is not,
    and its names may be given one by one.

    A field's alias is its variable; its description says what to set where a value is not of its
    kind.
    """

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    stage: str = Field(
        DEFAULT_STAGE,
        alias="NEXT_BASKET_STAGE",
        pattern="^[a-z][a-z0-9]{0,9}$",
        description="write 1 to 10 lower-case letters and digits, a letter first",
    )
    name: str = Field("next-basket", alias="NEXT_BASKET_NAME", validate_default=True)
    region: str = Field(DEFAULT_REGION, alias="AWS_REGION")
    raw: _Place = _place("ATHENA_RAW", "raw")
    lake: _Place = _place("ATHENA_LAKE", "lake")
    results: _Place = _place("ATHENA_RESULTS", "results")
    artifacts: _Place = _place("NEXT_BASKET_ARTIFACTS", "artifacts")
    raw_database: str = _database("ATHENA_RAW_SCHEMA", "raw")
    lake_database: str = _database("ATHENA_SCHEMA", "next_basket")
    predictions_database: str = _database("ATHENA_PREDICTIONS_SCHEMA", "predictions")
    work_group: str = Field(
        default_factory=lambda known: known["name"],
        alias="ATHENA_WORK_GROUP",
        pattern="^[A-Za-z0-9._-]{1,128}$",
        description="write 1 to 128 letters, digits, dots, hyphens and underscores",
    )
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

    @field_validator("name")
    @classmethod
    def _name_in_stage(cls, name: str, known: ValidationInfo) -> str:
        return _in_stage(name, known.data, "-")

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
        for field in ("region", *(name for name in _NAMED if name != "artifacts")):
            yield _variable(field), str(getattr(self, field))


_NAMED = (
    *("raw", "lake", "results", "artifacts"),
    *("raw_database", "lake_database", "predictions_database", "work_group"),
)
"""What the default stage may name as it likes, and any other stage names by itself."""


def _variable(field: str) -> str:
    return str(Settings.model_fields[field].alias)


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """
    Read the settings from the environment; only bucket names that are not set need the account.

    Raises
    ------
    click.ClickException
        If a value is not of its kind, or a name is not that of the stage; the sentence names the
        variable.

    """
    given = {variable: value for variable, value in environment.items() if value}
    region = aws_region(environment)
    settings = _validated(given | ({"AWS_REGION": region} if region else {}))
    _check_names(settings, given.get(SHELL_OF, settings.name))
    return settings


def _check_names(settings: Settings, shell_of: str) -> None:
    """Refuse names that are another stack's: what one stage is told must not touch another."""
    if shell_of != settings.name:
        raise click.ClickException(
            f"This shell has the names of {shell_of}, by `python -m glue env`: use a new one for"
            f" {settings.name}."
        )
    if settings.stage == DEFAULT_STAGE:
        return
    own = Settings.model_validate(
        {_variable(field): getattr(settings, field) for field in ("stage", "region")}
        | {_variable("name"): settings.name.removesuffix(f"-{settings.stage}")}
    )
    for field in _NAMED:
        found, wanted = str(getattr(settings, field)), str(getattr(own, field))
        if found != wanted:
            raise click.ClickException(
                f"{_variable(field)} is '{found}', and stage {settings.stage} has '{wanted}': unset"
                f" it. Only stage {DEFAULT_STAGE} may have names of your choice."
            )


def _validated(given: Mapping[str, str]) -> Settings:
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        wrong = error.errors()[0]
        variable = wrong["loc"][0]
        (what,) = [
            field.description for field in Settings.model_fields.values() if field.alias == variable
        ]
        raise click.ClickException(f"{variable} is '{wrong['input']}': {what}.") from None

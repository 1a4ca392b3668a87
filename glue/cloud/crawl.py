"""The classifier and the crawler: from raw files to tables in the Glue catalogue."""

from time import sleep
from typing import Any

import click
from botocore.exceptions import ClientError

from glue.raw.catalogue import catalogue, catalogue_loads, fix_serde
from glue.settings import Settings, read_settings
from ml.tools.aws import client, error_code

LONGEST_CRAWL = 900  # seconds


@click.command()
def crawl() -> None:
    """Run the crawler, wait for it, report its tables and set their SerDe's escape character."""
    settings = read_settings()
    glue = client("glue")
    ensure_classifier(glue, settings.classifier)
    before = catalogue(glue, settings.raw_database)
    run_crawler(glue, settings.crawler)
    after = catalogue(glue, settings.raw_database)
    for line in changes(before, after):
        click.echo(line)
    for name in fix_serde(glue, settings.raw_database):
        click.echo(f"{settings.raw_database}.{name}: escapeChar set")
    for line in catalogued(settings):
        click.echo(line)


def catalogued(settings: Settings) -> list[str]:
    """Catalogue the loads that landed, and say which are new or changed."""
    days = catalogue_loads(client("glue"), client("s3"), settings.raw, settings.raw_database)
    return [f"load {day}: catalogued" for day in days]


@click.command("fix-serde")
def fix_serde_command() -> None:
    """Set the escape character of the raw tables' SerDe where it is missing."""
    settings = read_settings()
    fixed = fix_serde(client("glue"), settings.raw_database)
    click.echo(f"{len(fixed)} tables of {settings.raw_database} changed: {', '.join(fixed) or '-'}")


def ensure_classifier(glue: Any, name: str) -> None:  # noqa: ANN401
    """Make or update the custom CSV classifier that gives raw tables their SerDe."""
    # CloudFormation's classifier has no field for the SerDe, so it is made here
    csv_classifier = {
        "Name": name,
        "Delimiter": ",",
        "QuoteSymbol": '"',
        "ContainsHeader": "PRESENT",
        "DisableValueTrimming": True,
        "AllowSingleColumn": False,
        "Serde": "OpenCSVSerDe",
        # every column is text, as the contract says; what a crawl infers all the same, fix_serde
        # mends (https://docs.aws.amazon.com/glue/latest/webapi/API_CsvClassifier.html)
        "CustomDatatypeConfigured": True,
        "CustomDatatypes": ["STRING"],
    }
    try:
        found = glue.get_classifier(Name=name)["Classifier"]["CsvClassifier"]
    except ClientError as error:
        if error_code(error) != "EntityNotFoundException":
            raise
        glue.create_classifier(CsvClassifier=csv_classifier)
        return
    if any(found.get(key) != value for key, value in csv_classifier.items()):
        glue.update_classifier(CsvClassifier=csv_classifier)


def run_crawler(glue: Any, name: str, limit: float = LONGEST_CRAWL) -> None:  # noqa: ANN401
    """
    Start the crawler, or join it if it is running, and wait until it is ready again.

    Parameters
    ----------
    limit
        Longest wait, in seconds. The pauses between two looks grow from 2 to 30 seconds.

    Raises
    ------
    click.ClickException
        If the crawl failed, was cancelled, or is not over in time.

    """
    try:
        glue.start_crawler(Name=name)
    except ClientError as error:
        if error_code(error) == "EntityNotFoundException":
            raise click.ClickException(
                f"There is no crawler {name}: run `python -m glue deploy` first."
            ) from None
        if error_code(error) != "CrawlerRunningException":
            raise
        click.echo(f"crawler {name} is running already: waiting for it")
    waited, pause = 0.0, 2.0
    while (crawler := glue.get_crawler(Name=name)["Crawler"])["State"] != "READY":
        if waited >= limit:
            raise click.ClickException(
                f"Crawler {name} is still {crawler['State']} after {limit:.0f} seconds: look at its"
                " log in the Glue console, then repeat the command."
            )
        sleep(pause)
        waited, pause = waited + pause, min(pause * 1.5, 30)
    last = crawler.get("LastCrawl", {})
    if last.get("Status") != "SUCCEEDED":
        raise click.ClickException(
            f"Crawler {name} ended {last.get('Status', 'without a result')}:"
            f" {last.get('ErrorMessage', 'no message')}; its log is"
            f" {last.get('LogGroup', '/aws-glue/crawlers')}/{last.get('LogStream', name)}."
        )


def changes(before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]]) -> list[str]:
    """Say which tables a crawl made and which it changed."""
    lines = []
    for name, table in sorted(after.items()):
        columns = [column["Name"] for column in table["StorageDescriptor"]["Columns"]]
        if name not in before:
            lines.append(f"{name}: made, {len(columns)} columns")
        elif table["StorageDescriptor"] != before[name]["StorageDescriptor"]:
            lines.append(f"{name}: changed, {len(columns)} columns")
    return lines or ["no table made or changed"]

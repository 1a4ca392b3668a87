"""The crawl makes the tables the contract asks for, waits with a limit, and says what failed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from botocore.exceptions import ClientError
from click.testing import Result

from glue.cloud import crawl as crawl_module
from glue.cloud.crawl import ensure_classifier, run_crawler
from glue.raw.catalogue import catalogue, fix_serde
from tests.python.glue.conftest import Account
from tests.python.glue.emulated_crawler import aws_error

Run = Callable[..., Result]


def test_crawl_reports_makes_and_mends(account: Account, shop: Path, run: Run) -> None:
    account.upload(shop)
    first = run("crawl")
    assert "orders: made, 7 columns" in first.output
    assert first.output.count("escapeChar set") == 6
    tables = catalogue(account.glue, account.settings.raw_database)
    serde = tables["products"]["StorageDescriptor"]["SerdeInfo"]
    assert serde["Parameters"]["escapeChar"] == "\x01"
    assert serde["SerializationLibrary"].endswith("OpenCSVSerde")
    again = run("crawl")
    assert again.exit_code == 0
    assert "no table made or changed" in again.output
    assert "escapeChar" not in again.output, "UpdateBehavior LOG keeps what was set"
    verified = run("verify")
    assert verified.exit_code == 0, verified.output


def test_classifier_is_made_and_brought_up_to_date(account: Account) -> None:
    """Quotes by OpenCSVSerDe, and text in every column: the built-in classifier gives neither."""
    ensure_classifier(account.glue, "shop-csv")
    made = dict(account.glue.classifiers["shop-csv"])
    assert made == {
        "Name": "shop-csv",
        "Delimiter": ",",
        "QuoteSymbol": '"',
        "ContainsHeader": "PRESENT",
        "DisableValueTrimming": True,
        "AllowSingleColumn": False,
        "Serde": "OpenCSVSerDe",
        "CustomDatatypeConfigured": True,
        "CustomDatatypes": ["STRING"],
    }
    olds: list[dict[str, Any]] = [{"Serde": "LazySimpleSerDe"}, {"CustomDatatypes": []}]
    for older in olds:
        account.glue.classifiers["shop-csv"] = made | older
        ensure_classifier(account.glue, "shop-csv")
        assert account.glue.classifiers["shop-csv"] == made


def test_type_that_a_crawler_inferred_becomes_text(account: Account, shop: Path, run: Run) -> None:
    account.upload(shop)
    assert run("crawl").exit_code == 0
    database = account.settings.raw_database
    table = catalogue(account.glue, database)["orders"]
    table["StorageDescriptor"]["Columns"][0]["Type"] = "bigint"
    kept = ("Name", "StorageDescriptor", "Parameters")
    account.glue.update_table(DatabaseName=database, TableInput={key: table[key] for key in kept})
    assert fix_serde(account.glue, database) == ["orders"]
    columns = catalogue(account.glue, database)["orders"]["StorageDescriptor"]["Columns"]
    assert {column["Type"] for column in columns} == {"string"}
    assert fix_serde(account.glue, database) == []


def test_running_crawler_is_joined(account: Account, shop: Path, run: Run) -> None:
    account.upload(shop)
    account.glue.is_running = True
    done = run("crawl")
    assert done.exit_code == 0
    assert "running already" in done.output
    assert account.glue.crawls == 0


@pytest.mark.parametrize("ends", ["FAILED", "CANCELLED"])
def test_failed_crawl_stops(account: Account, shop: Path, run: Run, ends: str) -> None:
    account.upload(shop)
    account.glue.ends = ends
    failed = run("crawl")
    assert failed.exit_code == 1
    assert f"Crawler shop-raw ended {ends}" in failed.output
    assert "/aws-glue/crawlers" in failed.output


def test_waiting_has_a_limit_and_longer_and_longer_pauses(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.glue.looks_until_ready = 10_000
    pauses: list[float] = []
    monkeypatch.setattr(crawl_module, "sleep", pauses.append)
    with pytest.raises(click.ClickException, match="still RUNNING after 300 seconds"):
        run_crawler(account.glue, account.settings.crawler, limit=300)
    assert pauses[:2] == [2, 3]
    assert max(pauses) == 30
    assert 300 <= sum(pauses) < 330


def test_no_crawler_and_no_database(account: Account, run: Run) -> None:
    account.glue.glue.delete_crawler(Name=account.settings.crawler)
    assert "There is no crawler shop-raw: run `python -m glue deploy`" in run("crawl").output
    account.glue.glue.delete_database(Name=account.settings.raw_database)
    missing = run("verify")
    assert missing.exit_code == 1
    assert "There is no Glue database raw" in missing.output


def test_expired_credentials_are_one_sentence(
    account: Account, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_glue: Any, _name: str) -> None:  # noqa: ANN401
        raise aws_error("ExpiredTokenException", "CreateClassifier")

    monkeypatch.setattr(crawl_module, "ensure_classifier", refuse)
    failed = run("crawl")
    assert failed.exit_code == 1
    assert failed.output == (
        "Error: The AWS credentials have expired: log in again, then repeat the command.\n"
    )
    assert account.glue.crawls == 0


def test_other_errors_are_not_swallowed(account: Account) -> None:
    with pytest.raises(ClientError):
        catalogue(Throttled(), account.settings.raw_database)


class Throttled:
    """A Glue that answers nothing."""

    def get_paginator(self, _name: str) -> "Throttled":
        """Give itself."""
        return self

    def paginate(self, **_asked: str) -> None:
        """Refuse."""
        raise aws_error("ThrottlingException", "GetTables")

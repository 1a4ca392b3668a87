"""Every drift of catalogue or objects from the contract is told and stops."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import Result

from glue.raw.catalogue import catalogue
from tests.python.glue.conftest import RAW, Account
from tests.python.tiny_shop import FILES

Run = Callable[..., Result]


def change(account: Account, name: str, edit: Callable[[dict[str, Any]], None]) -> None:
    changed = catalogue(account.glue, account.settings.raw_database)[name]
    edit(changed)
    for key in ("DatabaseName", "CreateTime", "UpdateTime", "CreatedBy", "VersionId", "CatalogId"):
        changed.pop(key, None)
    changed.pop("IsRegisteredWithLakeFormation", None)
    account.glue.update_table(DatabaseName=account.settings.raw_database, TableInput=changed)


def drop_column(found: dict[str, Any]) -> None:
    found["StorageDescriptor"]["Columns"].pop()


def retype(found: dict[str, Any]) -> None:
    found["StorageDescriptor"]["Columns"][0]["Type"] = "bigint"


def swap(found: dict[str, Any]) -> None:
    found["StorageDescriptor"]["Columns"].reverse()


def lazy_serde(found: dict[str, Any]) -> None:
    found["StorageDescriptor"]["SerdeInfo"]["SerializationLibrary"] = "LazySimpleSerDe"


def no_escape(found: dict[str, Any]) -> None:
    del found["StorageDescriptor"]["SerdeInfo"]["Parameters"]["escapeChar"]


def other_separator(found: dict[str, Any]) -> None:
    found["StorageDescriptor"]["SerdeInfo"]["Parameters"]["separatorChar"] = ";"


def header_is_data(found: dict[str, Any]) -> None:
    del found["Parameters"]["skip.header.line.count"]


def moved(found: dict[str, Any]) -> None:
    found["StorageDescriptor"]["Location"] = "s3://elsewhere/orders/"


def partitioned(found: dict[str, Any]) -> None:
    found["PartitionKeys"] = [{"Name": "partition_0", "Type": "string"}]


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (drop_column, ("column days_since_prior_order", "missing")),
        (retype, ("column order_id", "bigint")),
        (
            swap,
            (
                "header",
                "days_since_prior_order,order_hour_of_day",
                "as cat",
                "the table is read by",
            ),
        ),
        (lazy_serde, ("SerDe", "LazySimpleSerDe")),
        (no_escape, ("escapeChar", r"'\\'")),
        (other_separator, ("separatorChar", ";")),
        (header_is_data, ("skip.header.line.count", "none")),
        (moved, ("location", "s3://elsewhere/orders/")),
        (partitioned, ("partition", "partition_0")),
    ],
)
def test_drift_of_the_catalogue(
    crawled: Account, run: Run, edit: Callable[[dict[str, Any]], None], told: tuple[str, ...]
) -> None:
    change(crawled, "orders", edit)
    failed = run("verify")
    assert failed.exit_code == 1
    (row,) = [line for line in failed.output.splitlines() if line.startswith("orders ")]
    for part in told:
        assert part in row


def test_missing_and_strange_tables(crawled: Account, run: Run) -> None:
    database = crawled.settings.raw_database
    crawled.glue.delete_table(DatabaseName=database, Name="aisles")
    crawled.glue.create_table(
        DatabaseName=database, TableInput={"Name": "landed", "StorageDescriptor": {}}
    )
    failed = run("verify")
    assert failed.exit_code == 1
    rows = [line.split() for line in failed.output.splitlines()]
    assert ["aisles", "table", "there", "missing"] in rows
    assert ["landed", "table", "no", "such", "table", "there"] in rows


def test_enforced_work_group_is_told(
    crawled: Account, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A work group that is made by hand enforces, unless it is told not to."""
    assert crawled.settings.work_group == "shop"
    boto3.client("athena").create_work_group(Name="by-hand")
    monkeypatch.setenv("ATHENA_WORK_GROUP", "by-hand")
    failed = run("verify")
    assert failed.exit_code == 1
    assert "Error: Work group by-hand enforces its own output location" in failed.output


def put(account: Account, key: str, text: str) -> None:
    account.s3.put_object(Bucket=RAW, Key=key, Body=text.encode())


def swapped_header(account: Account) -> None:
    put(
        account,
        "aisles/aisles.csv",
        FILES["aisles.csv"].replace("aisle_id,aisle", "aisle,aisle_id"),
    )


def extra_column_in_front(account: Account) -> None:
    lines = FILES["aisles.csv"].splitlines()
    put(account, "aisles/aisles.csv", "".join(f"colour,{line}\n" for line in lines))


def second_object(account: Account) -> None:
    put(account, "aisles/more.csv", FILES["aisles.csv"])


def plain_and_gzip(account: Account) -> None:
    put(account, "aisles/aisles.csv.gz", "")


def no_object(account: Account) -> None:
    account.s3.delete_object(Bucket=RAW, Key="aisles/aisles.csv")


def semicolons(account: Account) -> None:
    put(account, "aisles/aisles.csv", FILES["aisles.csv"].replace(",", ";"))


def no_bytes(account: Account) -> None:
    put(account, "aisles/aisles.csv", "")


def no_rows(account: Account) -> None:
    put(account, "aisles/aisles.csv", "aisle_id,aisle\n")


def put_gzip(account: Account, body: bytes) -> None:
    no_object(account)
    account.s3.put_object(Bucket=RAW, Key="aisles/aisles.csv.gz", Body=body)


def no_gzip(account: Account) -> None:
    put_gzip(account, FILES["aisles.csv"].encode())


def cut_gzip(account: Account) -> None:
    put_gzip(account, gzip.compress(FILES["aisles.csv"].encode())[:-20])


def spoiled_gzip(account: Account) -> None:
    body = gzip.compress(FILES["aisles.csv"].encode())
    put_gzip(account, body[:12] + b"\xff" * 20 + body[32:])


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (swapped_header, ("header", "aisle,aisle_id; the table is read by position")),
        (extra_column_in_front, ("header", "colour,aisle_id,aisle; the table is read by position")),
        (second_object, ("object", "also aisles/more.csv")),
        (plain_and_gzip, ("object", "also aisles/aisles.csv.gz")),
        (no_object, ("object", "missing")),
        (semicolons, ("header", "semicolons")),
        (no_bytes, ("header", "has no header")),
        (no_rows, ("rows", "none in aisles/aisles.csv")),
        (no_gzip, ("header", "aisles/aisles.csv.gz is a damaged gzip file (Not a gzipped file")),
        (
            cut_gzip,
            ("header", "aisles/aisles.csv.gz is a damaged gzip file (Compressed file ended"),
        ),
        (spoiled_gzip, ("header", "aisles/aisles.csv.gz is a damaged gzip file (Error -3")),
    ],
)
def test_drift_of_the_objects(
    crawled: Account, run: Run, damage: Callable[[Account], None], told: tuple[str, ...]
) -> None:
    damage(crawled)
    failed = run("verify")
    assert failed.exit_code == 1
    assert isinstance(failed.exception, SystemExit), "one sentence, no traceback"
    (row,) = [line for line in failed.output.splitlines() if line.startswith("aisles ")]
    for part in told:
        assert part in row


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("aisle_id,aisle,colour\n1,milk,white\n", id="last"),
        pytest.param("colour,aisle_id,aisle\nwhite,1,milk\n", id="first"),
        pytest.param("aisle,colour,aisle_id\nmilk,white,1\n", id="in-another-order"),
    ],
)
def test_extra_column_is_told_and_passes(account: Account, shop: Path, run: Run, text: str) -> None:
    """Of a file that was put there by hand: an upload leaves out what is more."""
    account.upload(shop)
    put(account, "aisles/aisles.csv", text)
    run("crawl")
    done = run("verify")
    assert done.exit_code == 0, done.output
    assert done.output.count("aisles: extra column colour is ignored.") == 1


def test_extra_column_behind_those_of_the_catalogue_passes(crawled: Account, run: Run) -> None:
    """The crawler leaves a table that is there as it is, and the SerDe drops what is more."""
    lines = FILES["aisles.csv"].splitlines()
    put(crawled, "aisles/aisles.csv", "".join(f"{line},colour\n" for line in lines))
    done = run("verify")
    assert done.exit_code == 0, done.output
    assert "aisles: extra column colour is ignored." in done.output

"""Loads on their way to Athena: sent once, marked last, catalogued, held against the sources."""

import csv
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import duckdb
import pytest
from click.testing import Result

from glue.raw import upload as upload_module
from glue.raw.catalogue import ESCAPE_CHAR, catalogue, partitions
from glue.raw.upload import upload_loads
from ml.tools.progress import silent_step
from tests.python.dbt_project.shop_with_loads import (
    LINE_COLUMNS,
    write_csv,
    write_load,
    write_products,
)
from tests.python.glue.conftest import RAW, Account

Run = Callable[..., Result]
LINES = [("11", "1", "1", "2017-03-01 09:10:00", "2", ""), ("12", "2", "2", "2017-03-01", "", "1")]
DAYS = ("2017-03-01", "2017-03-02")


@pytest.fixture
def loads(tmp_path: Path) -> Path:
    """Give a folder of two loads."""
    folder = tmp_path / "loads"
    write_products(folder, [("1", 'Milk, "fresh"', "dairy", ""), ("2", "Bread", "bakery", "food")])
    for day in DAYS:
        write_load(folder, day, LINES)
    return folder


def keys(account: Account, prefix: str = "") -> list[str]:
    listed = account.s3.list_objects_v2(Bucket=RAW, Prefix=prefix).get("Contents", [])
    return sorted(entry["Key"] for entry in listed)


def rows(account: Account, key: str) -> list[list[str]]:
    text = account.s3.get_object(Bucket=RAW, Key=key)["Body"].read().decode()
    return list(csv.reader(io.StringIO(text)))


def loads_parameter(account: Account) -> dict[str, Any]:
    table = catalogue(account.glue, account.settings.raw_database)["order_lines"]
    parameter: dict[str, Any] = json.loads(table["Parameters"]["loads"])
    return parameter


def test_loads_are_sent_once_and_marked(account: Account, loads: Path, run: Run) -> None:
    done = run("upload", loads)
    assert done.exit_code == 0, done.output
    expected = [f"_landed/{day}/_SUCCESS" for day in DAYS]
    expected += [f"order_lines/load_date={day}/lines.csv" for day in DAYS]
    assert keys(account) == [*expected, "products/products.csv"]
    assert rows(account, f"order_lines/load_date={DAYS[0]}/lines.csv") == [
        [*LINE_COLUMNS, "line_fault"], *([*line, ""] for line in LINES)
    ]  # fmt: skip
    assert rows(account, "products/products.csv")[1][:3] == ["1", 'Milk, "fresh"', "dairy"]
    again = run("upload", loads)
    assert "holds these 2 loads already: nothing done." in again.output
    write_load(loads, "2017-03-03", LINES)
    (line,) = run("upload", loads).output.splitlines()[-1:]
    assert line.startswith("load 2017-03-03: ")


def test_what_athena_would_break_at_is_marked(account: Account, loads: Path, run: Run) -> None:
    folder = loads / "order_lines/load_date=2017-03-01"
    write_csv(folder / "lines.csv", LINE_COLUMNS[:4], [["11", "1", "1\n2", "2017-03-01"]])
    with (folder / "lines.csv").open("a", encoding="utf-8") as file:
        file.write("12,1,1\n13,1,1,2017-03-01,7\n")
    assert run("upload", loads).exit_code == 0
    assert rows(account, f"order_lines/load_date={DAYS[0]}/lines.csv")[1:] == [
        ["11", "1", "1 2", "2017-03-01", "", "", "line holds a line break or a control character"],
        ["12", "1", "1", "", "", "", "line has fewer fields than its header"],
        ["13", "1", "1", "2017-03-01", "", "", "line has more fields than its header"],
    ]


def test_interrupted_load_is_not_marked(
    account: Account, loads: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    """Neither a new one nor one that is delivered again."""
    assert run("upload", loads).exit_code == 0
    write_load(loads, DAYS[0], LINES[:1])
    write_load(loads, DAYS[1], LINES[:1], name="more.csv")

    def broken_line(*_given: Any, **_more: Any) -> None:  # noqa: ANN401
        raise click.ClickException("the line went dead")

    with monkeypatch.context() as patch:
        patch.setattr(upload_module, "send_file", broken_line)
        assert run("upload", loads).exit_code == 1
    assert keys(account, "_landed") == [f"_landed/{DAYS[1]}/_SUCCESS"]
    assert run("upload", loads).exit_code == 0
    assert keys(account, "_landed") == [f"_landed/{day}/_SUCCESS" for day in DAYS]
    assert len(rows(account, f"order_lines/load_date={DAYS[0]}/lines.csv")) == 2
    assert len(keys(account, f"order_lines/load_date={DAYS[1]}/")) == 2
    (loads / f"order_lines/load_date={DAYS[1]}/lines.csv").unlink()
    assert run("upload", loads).exit_code == 0
    assert keys(account, f"order_lines/load_date={DAYS[1]}/") == [
        f"order_lines/load_date={DAYS[1]}/more.csv"
    ]


def test_crawl_catalogues_loads_that_have_landed(account: Account, loads: Path, run: Run) -> None:
    assert run("upload", loads).exit_code == 0
    account.s3.put_object(Bucket=RAW, Key="order_lines/load_date=2017-03-09/a.csv", Body=b"a\n1\n")
    done = run("crawl")
    assert done.exit_code == 0, done.output
    known = loads_parameter(account)
    assert sorted(known) == list(DAYS), "a load without its marker is still on its way"
    table = catalogue(account.glue, account.settings.raw_database)["order_lines"]
    for day in DAYS:
        found = partitions(account.glue, table)[day]["StorageDescriptor"]
        assert found["SerdeInfo"]["Parameters"]["escapeChar"] == ESCAPE_CHAR
        assert found["Location"] == f"s3://{RAW}/order_lines/load_date={day}/"
        (_, size) = known[day]
        (entry,) = account.s3.list_objects_v2(Bucket=RAW, Prefix=f"order_lines/load_date={day}/")[
            "Contents"
        ]
        assert size == entry["Size"]
    write_load(loads, DAYS[0], LINES[:1])
    assert run("upload", loads).exit_code == 0
    assert run("crawl").exit_code == 0
    changed = loads_parameter(account)
    assert [changed[day] == known[day] for day in DAYS] == [False, True]


@pytest.mark.usefixtures("account")
def test_loads_as_they_should_be_are_verified(loads: Path, run: Run) -> None:
    assert run("upload", loads).exit_code == 0
    assert run("crawl").exit_code == 0
    done = run("verify")
    assert done.exit_code == 0, done.output
    assert "2 loads of raw" in done.output


def _put(account: Account, key: str, text: str) -> None:
    account.s3.put_object(Bucket=RAW, Key=key, Body=text.encode())


HEADER = ",".join([*LINE_COLUMNS, "line_fault"])
OBJECT = f"order_lines/load_date={DAYS[1]}/lines.csv"


def _swapped(account: Account) -> None:
    _put(account, OBJECT, HEADER.replace("order_id,user_id", "user_id,order_id") + "\n1,2,3,4,,,\n")


def _without_time(account: Account) -> None:
    _put(account, OBJECT, "order_id,user_id,product_id\n1,2,3\n")


def _without_lines(account: Account) -> None:
    _put(account, OBJECT, HEADER + "\n")


def _no_parquet(account: Account) -> None:
    _put(account, OBJECT.replace(".csv", ".parquet"), "PAR1")


def _no_partition(account: Account) -> None:
    account.glue.delete_partition(
        DatabaseName=account.settings.raw_database,
        TableName="order_lines",
        PartitionValues=[DAYS[1]],
    )


def _no_products(account: Account) -> None:
    account.s3.delete_object(Bucket=RAW, Key="products/products.csv")


def _another_shape(account: Account) -> None:
    account.glue.create_table(
        DatabaseName=account.settings.raw_database,
        TableInput={"Name": "orders", "StorageDescriptor": {"Columns": []}},
    )


def _no_table(account: Account) -> None:
    account.glue.delete_table(DatabaseName=account.settings.raw_database, Name="products")


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (_swapped, "order_lines, header: expected order_id,user_id,product_id,ordered_at"),
        (_without_time, "lines.csv has no column ordered_at"),
        (_without_lines, "order_lines, rows: expected at least one, found none in order_lines/"),
        (_no_parquet, "lines.parquet is no Parquet file"),
        (_no_partition, "partition load_date=2017-03-02: expected there, found missing"),
        (_no_products, "products, object: expected one file of products, found missing"),
        (_another_shape, "orders, table: expected no such table beside loads, found there"),
        (_no_table, "products, table: expected there, found missing"),
    ],
)
def test_each_drift_stops_with_a_sentence(
    damage: Callable[[Account], None], sentence: str, account: Account, loads: Path, run: Run
) -> None:
    assert run("upload", loads).exit_code == 0
    assert run("crawl").exit_code == 0
    damage(account)
    done = run("verify")
    assert done.exit_code == 1
    assert sentence in done.output.splitlines()[-1]


def test_parquet_loads(account: Account, loads: Path) -> None:
    shutil.rmtree(loads / "order_lines")
    folder = loads / "order_lines/load_date=2017-03-01"
    folder.mkdir(parents=True)
    with duckdb.connect() as connection:
        connection.execute(
            "copy (select 11 as order_id, 1 as user_id, 1 as product_id,"
            f" timestamp '2017-03-01 09:10:00' as ordered_at) to '{folder}/a.parquet'"
        )
    upload_loads(loads, account.settings.raw, silent_step)
    assert keys(account, "order_lines") == ["order_lines/load_date=2017-03-01/a.parquet"]
    write_load(loads, DAYS[1], LINES)
    with pytest.raises(click.ClickException, match=r"Loads are .csv and .parquet files"):
        upload_loads(loads, account.settings.raw, silent_step)

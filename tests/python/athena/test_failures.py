"""What goes wrong in the cloud: injected through the API, survived or told, never silent."""

import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.athena_api import RunningApi
from tests.athena_api.clients import make_client
from tests.parity.builds import export
from tests.python.athena.athena_runs import (
    AthenaShop,
    Rows,
    contents,
    dbt,
    make_shop,
    query,
    start_dbt,
    tables,
    wait_until,
    wait_until_met,
)
from tests.python.dbt_runs import copy_project

# partitioned tables of which each reads the one before, a seed
NAMES = ("stg_orders", "user_windows", "target_orders", "weekdays")
BUILD = ("build", "--select", *NAMES, "--exclude-resource-type", "test", "unit_test")


@pytest.fixture(scope="module")
def disturbed(
    session_api: RunningApi, tiny_raw: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[AthenaShop, dict[str, Rows]]:
    """Give a shop that went through an undisturbed build, and the rows of that."""
    session_api.load_raw(tiny_raw)
    shop = make_shop(session_api, "disturbed", tmp_path_factory.mktemp("disturbed"))
    dbt(shop, *BUILD)
    rows = contents(shop)
    assert set(rows) == set(NAMES)
    assert all(rows.values())
    return shop, rows


def test_throttling_internal_errors_and_lost_answers_are_survived(
    api: RunningApi, disturbed: tuple[AthenaShop, dict[str, Rows]]
) -> None:
    shop, rows = disturbed
    for operation in ("StartQueryExecution", "GetQueryExecution", "GetQueryResults", "GetTable"):
        api.fail_next(operation, "ThrottlingException")
        api.fail_next(operation, "InternalServerException")
    for operation in ("StartQueryExecution", "GetQueryExecution"):
        api.lose_next(operation)
    api.fail_next("StartQueryExecution", "TooManyRequestsException", times=2)
    before = len(api.queries())
    dbt(shop, *BUILD)
    assert api.pending_faults() == []
    assert contents(shop) == rows
    made = [
        entry["node_id"]
        for entry in api.queries()[before:]
        if entry["statement_type"] == "CREATE_TABLE_AS_SELECT" and entry["node_id"]
    ]
    assert len(made) == len(NAMES)
    assert len(set(made)) == len(NAMES), "a lost answer made a query run twice"


def test_failing_model_leaves_the_last_good_tables(
    api: RunningApi, disturbed: tuple[AthenaShop, dict[str, Rows]]
) -> None:
    shop, rows = disturbed
    before = tables(api, shop.schema)
    api.fail_query(r"create table.*stg_orders", "GENERIC_INTERNAL_ERROR: the node is gone")
    output = dbt(shop, *BUILD, fails=True)
    assert "Failure in model stg_orders" in output
    assert "GENERIC_INTERNAL_ERROR: the node is gone" in output
    assert "SKIP relation disturbed.target_orders" in output
    after = tables(api, shop.schema)
    for name in ("stg_orders", "target_orders"):
        assert _location(after[name]) == _location(before[name])
    assert contents(shop) == rows


def test_full_refresh_drops_before_it_creates(
    api: RunningApi, disturbed: tuple[AthenaShop, dict[str, Rows]]
) -> None:
    """The adapter's limit, told in the README: after a failure there is no table."""
    shop, rows = disturbed
    api.fail_query(r"create table.*target_orders")
    dbt(shop, *BUILD, "--full-refresh", fails=True)
    assert "target_orders" not in tables(api, shop.schema)
    dbt(shop, *BUILD)
    assert contents(shop) == rows


def test_scan_limit_ends_the_model_with_a_sentence(
    api: RunningApi, tiny_raw: Path, tmp_path: Path
) -> None:
    big_raw = tmp_path / "big-raw"
    shutil.copytree(tiny_raw, big_raw)
    with (big_raw / "aisles.csv").open("a") as aisles:
        aisles.writelines(f"{number},{'x' * 200}\n" for number in range(10, 55_000))
    group = "limited-to-10-mb"
    make_client("athena", api.url).create_work_group(
        Name=group,
        Configuration={
            "EnforceWorkGroupConfiguration": False,
            "BytesScannedCutoffPerQuery": 10_000_000,
            "ResultConfiguration": {"OutputLocation": api.environment["ATHENA_RESULTS"]},
        },
    )
    limited_api = replace(api, environment=api.environment | {"ATHENA_WORK_GROUP": group})
    shop = make_shop(limited_api, "limited", tmp_path / "limited")
    dbt(shop, "run", "--select", "stg_aisles")
    api.load_raw(big_raw)
    output = dbt(shop, "run", "--select", "stg_aisles", fails=True)
    assert "Failure in model stg_aisles" in output
    assert "Bytes scanned limit was exceeded" in output
    assert set(tables(api, shop.schema)) == {"stg_aisles"}
    assert len(query(api, f"select * from {shop.schema}.stg_aisles")) == 3


def test_more_than_100_partitions_are_written_in_batches(api: RunningApi, tmp_path: Path) -> None:
    """Athena refuses 101 partitions in one statement; the adapter then writes them in several."""
    project = copy_project(tmp_path / "project")
    digits = "(values (0), (1), (2), (3), (4), (5), (6), (7), (8), (9), (10)) as {0} ({0})"
    (project / "models/many.sql").write_text(
        "{{ config(contract={'enforced': false}, partitioned_by=['k']) }}\n"
        "select a * 11 + b as v, cast(a * 11 + b as integer) as k"
        f" from {digits.format('a')} cross join {digits.format('b')}\n"
    )
    shop = make_shop(api, "many_partitions", tmp_path / "shop", project)
    before = len(api.queries())
    dbt(shop, "run", "--select", "many")
    reasons = [entry["reason"] or "" for entry in api.queries()[before:]]
    assert sum("HIVE_TOO_MANY_OPEN_PARTITIONS" in reason for reason in reasons) == 1
    counts = query(api, f"select count(*), count(distinct k), sum(k) from {shop.schema}.many")
    assert counts == [("121", "121", str(sum(range(121))))]
    assert set(tables(api, shop.schema)) == {"many"}


@pytest.mark.parametrize("written_slowly", ["stg_orders", "weekdays"])
def test_two_builds_at_once_never_leave_wrong_rows(
    api: RunningApi,
    disturbed: tuple[AthenaShop, dict[str, Rows]],
    tmp_path: Path,
    written_slowly: str,
) -> None:
    """Either may fail, loudly; what they leave, and what the next build leaves, is right."""
    shop, rows = disturbed
    other = make_shop(api, shop.schema, tmp_path / "other")
    dbt(other, "parse")  # so that it comes to the same point in time
    # the first is about to write when the other takes away what lies there
    api.slow_query(rf"create table.*{written_slowly}", 15)
    running = [start_dbt(shop, *BUILD)]
    wait_until_met(api)
    api.delay_next("DeleteTable", 12, f"{written_slowly}__")
    running.append(start_dbt(other, *BUILD))
    outputs = [process.communicate()[0] for process in running]
    for process, output in zip(running, outputs, strict=True):
        assert process.returncode == 0 or "Failure in " in output, output[-3000:]
    found = contents(shop)
    assert {name: found[name] for name in NAMES} == rows
    dbt(shop, *BUILD)
    assert contents(shop) == rows


def test_a_build_with_other_vars_is_refused_while_one_runs(
    api: RunningApi, disturbed: tuple[AthenaShop, dict[str, Rows]], tmp_path: Path
) -> None:
    shop, rows = disturbed
    other = make_shop(api, shop.schema, tmp_path / "other")
    api.slow_query(r"create table.*stg_orders", 20)
    with start_dbt(shop, *BUILD) as running:
        wait_until_met(api)
        refused = dbt(other, *BUILD, variables={"windows": 2}, fails=True)
        assert running.wait() == 0
    sentence = "is running, with mode: benchmark, windows: 1 instead of mode: benchmark, windows: 2"
    assert sentence in " ".join(refused.split())
    assert contents(shop) == rows  # and no marker is left


@pytest.mark.parametrize(("minutes", "is_refused"), [(60, True), (180, False)])
def test_a_marker_of_a_killed_build_counts_for_two_hours(
    api: RunningApi,
    disturbed: tuple[AthenaShop, dict[str, Rows]],
    minutes: int,
    *,
    is_refused: bool,
) -> None:
    shop, rows = disturbed
    began_at = int(time.time()) - 60 * minutes
    query(
        api,
        f"create or replace view {shop.schema}.running_build as"
        f" select 'mode: live, windows: 2' as vars, {began_at} as began_at",
    )
    output = dbt(shop, *BUILD, fails=is_refused)
    assert (f"drop view {shop.schema}.running_build" in " ".join(output.split())) == is_refused
    # a refused build does not take away the marker of the one that runs
    assert ("running_build" in tables(api, shop.schema)) == is_refused
    query(api, f"drop view if exists {shop.schema}.running_build")
    assert contents(shop) == rows


@pytest.mark.parametrize(
    ("operation", "matching"),
    [
        pytest.param("query", r"create table.*stg_orders", id="while-a-table-is-written"),
        pytest.param("UpdateTable", "stg_orders", id="while-tables-are-swapped"),
        pytest.param("BatchDeletePartition", "stg_orders", id="before-partitions-are-dropped"),
        pytest.param("BatchCreatePartition", "stg_orders", id="before-partitions-are-added"),
        pytest.param("DeleteTable", "stg_orders__ha", id="before-the-old-entry-is-dropped"),
        pytest.param("query", r"create table.*weekdays", id="while-a-seed-is-loaded"),
    ],
)
def test_build_after_a_killed_one_is_right(
    api: RunningApi, disturbed: tuple[AthenaShop, dict[str, Rows]], operation: str, matching: str
) -> None:
    shop, rows = disturbed
    if operation == "query":
        api.slow_query(matching, 2)
    else:
        api.delay_next(operation, 2, matching)
    with start_dbt(shop, *BUILD) as running:
        wait_until_met(api)
        running.send_signal(signal.SIGKILL)
    assert running.returncode == -signal.SIGKILL
    dbt(shop, *BUILD)
    assert contents(shop) == rows


def test_everything_after_a_killed_build_is_as_undisturbed(
    api: RunningApi, built_shop: AthenaShop, make_athena_shop: Callable[[str], AthenaShop]
) -> None:
    """Killed in the middle of the marts; then every model, no table beside them, and data.csv."""
    shop = make_athena_shop("killed")
    build = ("build", "--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
    api.slow_query(r"create table.*prd_features", 5)
    with start_dbt(shop, *build) as running:
        wait_until_met(api, seconds=600)
        running.send_signal(signal.SIGKILL)
    assert running.returncode == -signal.SIGKILL
    assert "candidates" not in tables(api, shop.schema)
    # the engine goes on with a killed client's query; a build beside it would be refused, loudly
    wait_until(lambda: "prd_features" in tables(api, shop.schema))
    dbt(shop, *build)
    assert contents(shop) == contents(built_shop)
    for one in (shop, built_shop):
        export(one)
    data = [one.workspace.lake / "data.csv" for one in (shop, built_shop)]
    assert data[0].read_bytes() == data[1].read_bytes()


def _location(entry: dict[str, Any]) -> str:
    location: str = entry["StorageDescriptor"]["Location"]
    return location

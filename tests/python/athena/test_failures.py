"""What goes wrong in the cloud: injected through the API, survived or told, never silent."""

import re
import shlex
import shutil
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.athena_api import RunningApi
from tests.athena_api.clients import make_client
from tests.python.athena.athena_runs import (
    AthenaShop,
    Rows,
    contents,
    dbt,
    export,
    make_shop,
    markers,
    query,
    start_dbt,
    tables,
    wait_until,
    wait_until_met,
)
from tests.python.dbt_runs import BUILD_UNTESTED, copy_project

# partitioned tables of which each reads the one before, a seed
NAMES = ("stg_orders", "user_windows", "target_orders", "weekdays")
BUILD = (*BUILD_UNTESTED, "--select", *NAMES)
OTHER_VARS = {"windows": 2}


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


@pytest.fixture(autouse=True)
def _no_marker_from_the_test_before(api: RunningApi) -> Iterator[None]:
    yield
    for marker in markers(api, "disturbed"):
        make_client("glue", api.url).delete_table(DatabaseName="disturbed", Name=marker)


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
    """The adapter's limit, told in docs/athena.md: after a failure there is no table."""
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
    # may be empty, so no row of it is looked for before the models
    lines = (tiny_raw / "order_products__train.csv").read_text().splitlines()
    with (big_raw / "order_products__train.csv").open("w") as train:
        train.write(f"{lines[0]},note\n")
        train.writelines(f"{lines[1]},{'x' * 200}\n" for _ in range(55_000))
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
    dbt(shop, "run", "--select", "stg_order_products")
    api.load_raw(big_raw)
    output = dbt(shop, "run", "--select", "stg_order_products", fails=True)
    assert "Failure in model stg_order_products" in output
    assert "Bytes scanned limit was exceeded" in output
    assert set(tables(api, shop.schema)) == {"stg_order_products"}
    assert len(query(api, f"select * from {shop.schema}.stg_order_products")) == 13


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
    assert api.pending_faults() == [], "the builds did not meet"
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
        refused = dbt(other, *BUILD, variables=OTHER_VARS, fails=True)
        assert running.wait() == 0
    sentence = "is running, with mode: benchmark, windows: 1 instead of mode: benchmark, windows: 2"
    assert sentence in " ".join(refused.split())
    assert contents(shop) == rows
    assert markers(api, shop.schema) == []


def test_a_build_that_ends_leaves_the_marker_of_another(
    api: RunningApi, make_athena_shop: Callable[[str], AthenaShop], tmp_path: Path
) -> None:
    """A runs, B with the same vars begins and ends, C with other vars is refused; A breaks off."""
    first = make_athena_shop("three_builds")
    other = make_shop(api, first.schema, tmp_path / "other")
    api.slow_query(r"create table.*stg_departments", 600)
    with broken_off(first, "run", "--select", "stg_departments"):
        (left,) = markers(api, first.schema)
        dbt(other, "run", "--select", "stg_aisles")
        assert markers(api, first.schema) == [left]
        refused = dbt(other, "run", "--select", "stg_aisles", variables=OTHER_VARS, fails=True)
        assert markers(api, first.schema) == [left]
    assert markers(api, first.schema) == [left], "after Ctrl-C nothing of on-run-end runs"

    # what the refusal says to do: first not to a table, then to the marker
    told = re.search(r"dbt (run-operation .*)", " ".join(refused.split()))
    assert told
    command = shlex.split(told[1])[:6]
    assert command[2:5] == ["--target", "athena", "--args"]
    assert left in command[5]
    table = "{marker: stg_aisles}"
    denied = dbt(other, *command[:2], "--args", table, fails=True)
    assert f"There is no marker stg_aisles in schema three_builds: there is {left}." in denied
    assert "stg_aisles" in tables(api, first.schema)
    dbt(other, *command[:2], *command[4:])
    assert markers(api, first.schema) == []
    dbt(other, "run", "--select", "stg_aisles", variables=OTHER_VARS)


@contextmanager
def broken_off(shop: AthenaShop, *arguments: str) -> Iterator[None]:
    """Run dbt until it meets the injected fault; at the end of the block press Ctrl-C."""
    athena = make_client("athena", shop.api.url)
    group = shop.api.environment["ATHENA_WORK_GROUP"]
    with start_dbt(shop, *arguments) as running:
        wait_until_met(shop.api)
        try:
            yield
        finally:
            running.send_signal(signal.SIGINT)
            running.wait()
            # the engine goes on for a client that is gone
            for query_id in athena.list_query_executions(WorkGroup=group)["QueryExecutionIds"]:
                athena.stop_query_execution(QueryExecutionId=query_id)
    assert running.returncode != 0


def test_of_two_builds_that_begin_at_once_one_sees_the_other(
    api: RunningApi, disturbed: tuple[AthenaShop, dict[str, Rows]]
) -> None:
    shop, rows = disturbed
    api.slow_query("create or replace view.*running_build_benchmark_1_", 3)
    with start_dbt(shop, *BUILD) as running:
        wait_until_met(api)
        other = make_marker(api, shop.schema, time.time())
        output = running.communicate()[0]
    assert running.returncode != 0
    assert "is running, with mode: live, windows: 2 instead of" in " ".join(output.split())
    assert markers(api, shop.schema) == [other]
    assert contents(shop) == rows


def make_marker(api: RunningApi, schema: str, began_at: float) -> str:
    """Make the marker of a build with `mode: live, windows: 2`."""
    marker = f"running_build_live_2_{began_at:.0f}_{uuid.uuid4().hex}"
    query(api, f"create view {schema}.{marker} as select 1 as is_running")
    return marker


@pytest.mark.parametrize(("minutes", "is_refused"), [(60, True), (180, False)])
def test_a_marker_of_a_killed_build_counts_for_two_hours(
    api: RunningApi,
    disturbed: tuple[AthenaShop, dict[str, Rows]],
    minutes: int,
    *,
    is_refused: bool,
) -> None:
    shop, rows = disturbed
    marker = make_marker(api, shop.schema, time.time() - 60 * minutes)
    output = dbt(shop, *BUILD, fails=is_refused)
    assert (f"--args '{{marker: {marker}}}'" in " ".join(output.split())) == is_refused
    # a refused build takes away its own marker alone, one that passes the leftovers too
    assert markers(api, shop.schema) == ([marker] if is_refused else [])
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
    before = len(api.queries())
    if operation == "query":
        api.slow_query(matching, 2)
    else:
        api.delay_next(operation, 2, matching)
    with start_dbt(shop, *BUILD) as running:
        wait_until_met(api)
        running.send_signal(signal.SIGKILL)
    assert running.returncode == -signal.SIGKILL
    assert len(markers(api, shop.schema)) == 1, (
        "it still stands for the same vars, and refuses none"
    )
    if operation == "query":
        # nobody tells the engine to stop: a build that overtakes it can meet its table, as
        # docs/athena.md says
        wait_until(
            lambda: any(
                re.search(matching, query["sql"], re.DOTALL) for query in api.queries()[before:]
            )
        )
    dbt(shop, *BUILD)
    assert contents(shop) == rows


def test_everything_after_a_killed_build_is_as_undisturbed(
    api: RunningApi, built_shop: AthenaShop, make_athena_shop: Callable[[str], AthenaShop]
) -> None:
    """Killed in the middle of the marts; then every model, no table beside them, and data.csv."""
    shop = make_athena_shop("killed")
    api.slow_query(r"create table.*prd_features", 5)
    with start_dbt(shop, *BUILD_UNTESTED) as running:
        wait_until_met(api, seconds=600)
        running.send_signal(signal.SIGKILL)
    assert running.returncode == -signal.SIGKILL
    assert "candidates" not in tables(api, shop.schema)
    # the engine goes on with a killed client's query; a build beside it would be refused, loudly
    wait_until(lambda: "prd_features" in tables(api, shop.schema))
    dbt(shop, *BUILD_UNTESTED)
    assert contents(shop) == contents(built_shop)
    for one in (shop, built_shop):
        export(one)
    data = [one.workspace.lake / "data.csv" for one in (shop, built_shop)]
    assert data[0].read_bytes() == data[1].read_bytes()


def _location(entry: dict[str, Any]) -> str:
    location: str = entry["StorageDescriptor"]["Location"]
    return location

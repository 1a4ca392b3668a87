"""Athena's documented limits, each met once through the API."""

import threading
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.athena_api import RunningApi
from tests.athena_api.athena import ApiError, Athena
from tests.athena_api.clients import list_objects, make_client
from tests.athena_api.faults import Faults
from tests.athena_api.statements import Kind, Result
from tests.python.athena.athena_runs import execute, query, tables

SCHEMA = "limits"
LAKE = "s3://next-basket-lake/limits"


@pytest.fixture(autouse=True)
def schema(api: RunningApi) -> None:
    """Make the schema of these tests."""
    assert execute(api, f"create schema if not exists {SCHEMA}").state == "SUCCEEDED"


def create_table(name: str, select: str, properties: str = "") -> str:
    location = f"external_location='{LAKE}/{name}'"
    return (
        f"create table {SCHEMA}.{name} with (format='parquet', {location}{properties}) as {select}"
    )


def numbers(count: int) -> str:
    """Give a query with column n, 1 to `count`."""
    digits = "select * from (values (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)) as d (d)"
    return (
        f"select 100 * a.d + 10 * b.d + c.d + 1 as n from ({digits}) as a, ({digits}) as b,"
        f" ({digits}) as c where 100 * a.d + 10 * b.d + c.d < {count}"
    )


def test_statement_of_262_144_bytes_passes_and_one_more_is_refused(api: RunningApi) -> None:
    longest = "select 'é' -- "
    longest += "x" * (262_144 - len(longest.encode()))
    assert execute(api, longest).state == "SUCCEEDED"
    with pytest.raises(ClientError, match="less than or equal to 262144"):
        execute(api, longest + "x")


def test_no_output_location_is_refused(api: RunningApi) -> None:
    with pytest.raises(ClientError, match="No output location provided"):
        execute(api, "select 1", WorkGroup="primary")


def test_output_location_must_be_writable(api: RunningApi) -> None:
    output = {"OutputLocation": "s3://no-such-bucket/"}
    ended = execute(api, "select 1", ResultConfiguration=output)
    assert (ended.state, "s3://no-such-bucket/" in ended.reason) == ("FAILED", True)


def test_unknown_work_group_is_refused(api: RunningApi) -> None:
    with pytest.raises(ClientError, match="WorkGroup is not found: nobody"):
        execute(api, "select 1", WorkGroup="nobody")


def test_enforced_work_group_writes_where_it_says(api: RunningApi) -> None:
    athena = make_client("athena", api.url)
    athena.create_work_group(
        Name="own-output-location",
        Configuration={"ResultConfiguration": {"OutputLocation": "s3://next-basket-results/own/"}},
    )
    elsewhere = {"OutputLocation": "s3://next-basket-results/elsewhere/"}
    ended = execute(api, "select 1", WorkGroup="own-output-location", ResultConfiguration=elsewhere)
    described = athena.get_query_execution(QueryExecutionId=ended.id)["QueryExecution"]
    output = described["ResultConfiguration"]["OutputLocation"]
    assert output == f"s3://next-basket-results/own/{ended.id}.csv"


def test_two_statements_in_one_call_fail(api: RunningApi) -> None:
    ended = execute(api, "select 1; select 2")
    assert (ended.state, ended.reason) == ("FAILED", "Only one sql statement is allowed.")


def test_100_partitions_pass_and_101_fail(api: RunningApi) -> None:
    partitioned = ", partitioned_by=ARRAY['k']"
    select = f"select n as v, n as k from ({numbers(100)}) as t"
    assert execute(api, create_table("hundred", select, partitioned)).state == "SUCCEEDED"
    sql = f"select count(*), count(distinct k), sum(k) from {SCHEMA}.hundred"
    assert query(api, sql) == [("100", "100", "5050")]
    select = f"select n as v, n as k from ({numbers(101)}) as t"
    ended = execute(api, create_table("too_many", select, partitioned))
    assert ended.state == "FAILED"
    assert ended.reason.startswith("HIVE_TOO_MANY_OPEN_PARTITIONS: Exceeded limit of 100 open")
    assert "too_many" not in tables(api, SCHEMA)


def test_insert_of_101_partitions_fails_and_of_100_passes(api: RunningApi) -> None:
    created = create_table("grows", "select 1 as v, 0 as k", ", partitioned_by=ARRAY['k']")
    assert execute(api, created).state == "SUCCEEDED"
    many = f"insert into {SCHEMA}.grows select n as v, n as k from ({numbers(101)}) as t"
    assert "HIVE_TOO_MANY_OPEN_PARTITIONS" in execute(api, many).reason
    fewer = f"insert into {SCHEMA}.grows select n as v, n as k from ({numbers(100)}) as t"
    assert execute(api, fewer).state == "SUCCEEDED"
    assert query(api, f"select count(*) from {SCHEMA}.grows") == [("101",)]


def test_location_must_be_empty(api: RunningApi) -> None:
    s3 = make_client("s3", api.url)
    s3.put_object(Bucket="next-basket-lake", Key="limits/taken/old-file", Body=b"x")
    ended = execute(api, create_table("taken", "select 1 as v"))
    assert ended.state == "FAILED"
    assert ended.reason.startswith("HIVE_PATH_ALREADY_EXISTS")
    assert f"{LAKE}/taken" in ended.reason
    assert [entry["Key"] for entry in list_objects(s3, f"{LAKE}/taken")] == [
        "limits/taken/old-file"
    ]


def test_partition_columns_must_be_the_last(api: RunningApi) -> None:
    sql = create_table("order_matters", "select 1 as k, 2 as v", ", partitioned_by=ARRAY['k']")
    ended = execute(api, sql)
    assert ended.state == "FAILED"
    assert ended.reason.startswith("HIVE_COLUMN_ORDER_MISMATCH")


def test_scan_limit_of_the_work_group_ends_a_query_and_leaves_no_table(api: RunningApi) -> None:
    athena = make_client("athena", api.url)
    output = {"ResultConfiguration": {"OutputLocation": "s3://next-basket-results/"}}
    limit = {"BytesScannedCutoffPerQuery": 10_000_000}  # the least that AWS takes
    athena.create_work_group(Name="small", Configuration=output | limit)
    body = (b"x" * 99 + b"\n") * 110_000
    make_client("s3", api.url).put_object(Bucket="next-basket-lake", Key="long/file.csv", Body=body)
    external = f"create external table {SCHEMA}.long (v string) row format serde"
    external += " 'org.apache.hadoop.hive.serde2.OpenCSVSerde'"
    external += " location 's3://next-basket-lake/long/'"
    assert execute(api, external).state == "SUCCEEDED"
    ended = execute(api, create_table("big", f"select * from {SCHEMA}.long"), WorkGroup="small")
    assert (ended.state, ended.reason) == ("CANCELLED", "Bytes scanned limit was exceeded")
    assert ended.scanned_bytes == 11_000_000
    assert "big" not in tables(api, SCHEMA)
    assert not list(list_objects(make_client("s3", api.url), f"{LAKE}/big"))
    assert execute(api, "select 1", WorkGroup="small").state == "SUCCEEDED"


def test_scanned_bytes_are_the_bytes_of_the_raw_file(api: RunningApi, tiny_raw: Path) -> None:
    size = (tiny_raw / "orders.csv").stat().st_size
    assert execute(api, "select count(order_id) from raw.orders").scanned_bytes == size
    assert execute(api, "select 1").scanned_bytes == 0


def test_missing_table_fails(api: RunningApi) -> None:
    ended = execute(api, "select * from raw.nothing")
    assert ended.state == "FAILED"
    assert ended.reason.startswith("TABLE_NOT_FOUND")
    assert "nothing" in ended.reason


class Held:
    """An engine whose queries end when they are let go."""

    name = "held"

    def __init__(self) -> None:
        self.free = threading.Event()

    def run(self, sql: str, kind: Kind, database: str, cancelled: threading.Event) -> Result:  # noqa: ARG002
        """Wait, and give nothing."""
        self.free.wait(30)
        return Result()


def test_queries_over_the_limit_of_active_ones_are_throttled(
    api: RunningApi, tmp_path: Path
) -> None:
    engine = Held()
    glue, s3 = make_client("glue", api.url), make_client("s3", api.url)
    athena = Athena(
        engine=engine, glue=glue, s3=s3, log=tmp_path / "log", faults=Faults(), max_active_queries=2
    )
    request = {
        "QueryString": "select 1",
        "ResultConfiguration": {"OutputLocation": "s3://next-basket-results/"},
    }
    started = [athena.call("StartQueryExecution", request) for _ in range(2)]
    with pytest.raises(ApiError, match="number of queries you can run concurrently") as refused:
        athena.call("StartQueryExecution", request)
    assert refused.value.code == "TooManyRequestsException"
    engine.free.set()
    for answer in started:
        while athena.call("GetQueryExecution", answer)["QueryExecution"]["Status"]["State"] in (
            "QUEUED",
            "RUNNING",
        ):
            pass
    assert athena.call("StartQueryExecution", request)["QueryExecutionId"]


def test_queries_are_listed_by_work_group_page_by_page(api: RunningApi) -> None:
    athena = make_client("athena", api.url)
    output = {"ResultConfiguration": {"OutputLocation": "s3://next-basket-results/"}}
    athena.create_work_group(Name="listed", Configuration=output)
    ids = [execute(api, f"select {number}", WorkGroup="listed").id for number in range(3)]
    first = athena.list_query_executions(WorkGroup="listed", MaxResults=2)
    rest = athena.list_query_executions(WorkGroup="listed", NextToken=first["NextToken"])
    assert first["QueryExecutionIds"] + rest["QueryExecutionIds"] == ids[::-1]
    batch = athena.batch_get_query_execution(QueryExecutionIds=[ids[0], "unknown"])
    assert [entry["Query"] for entry in batch["QueryExecutions"]] == ["select 0"]
    assert batch["UnprocessedQueryExecutionIds"] == [{"QueryExecutionId": "unknown"}]


def test_results_come_page_by_page(api: RunningApi) -> None:
    rows = query(api, f"select n, null as nothing from ({numbers(1000)}) as t order by n")
    more = query(api, "select n.n from (" + numbers(1000) + ") as n, (values (1), (2)) as d (d)")
    assert (len(rows), rows[0], rows[-1]) == (1000, ("1", None), ("1000", None))
    assert len(more) == 2000


def test_external_table_is_made_once(api: RunningApi) -> None:
    """Parquet files of another program, here of a table that was written before."""
    created = create_table("written", "select cast(1 as bigint) as a, 'é' as b")
    assert execute(api, created).state == "SUCCEEDED"
    external = f"create external table if not exists {SCHEMA}.read (a bigint, b string)"
    external += f" stored as parquet location '{LAKE}/written/'"
    assert [execute(api, external).state for _ in range(2)] == ["SUCCEEDED", "SUCCEEDED"]
    assert query(api, f"select * from {SCHEMA}.read") == [("1", "é")]
    ended = execute(api, external.replace("if not exists ", ""))
    assert (ended.state, "already exists" in ended.reason) == ("FAILED", True)


@pytest.mark.parametrize("type_name", ["integer", "varchar"])
def test_external_table_of_a_type_that_hive_does_not_know_fails(
    api: RunningApi, type_name: str
) -> None:
    """In DDL Athena says int and string; Trino could not even list the database after that."""
    external = f"create external table {SCHEMA}.other (a {type_name}) location '{LAKE}/other/'"
    ended = execute(api, external)
    assert (ended.state, f"type {type_name}" in ended.reason) == ("FAILED", True)
    assert "other" not in tables(api, SCHEMA)

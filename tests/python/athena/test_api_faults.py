"""Injected faults reach an unmodified client as AWS would give them."""

import time

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError

from tests.athena_api import RunningApi
from tests.athena_api.clients import make_client
from tests.python.athena.athena_runs import execute


def statements(api: RunningApi, sql: str) -> int:
    """Count how often a statement was run."""
    return sum(entry["sql"] == sql for entry in api.queries())


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("ThrottlingException", 400),
        ("TooManyRequestsException", 400),
        ("InternalServerException", 500),
    ],
)
def test_error_answers_once_and_does_nothing(api: RunningApi, code: str, status: int) -> None:
    sql = f"select 'error {code}'"
    api.fail_next("StartQueryExecution", code, times=20)
    with pytest.raises(ClientError) as error:
        execute(api, sql)
    assert error.value.response["Error"]["Code"] == code
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    api.clear_faults()
    assert statements(api, sql) == 0
    assert execute(api, sql).state == "SUCCEEDED"


def test_only_the_operation_and_the_text_that_are_meant_fail(api: RunningApi) -> None:
    api.fail_next("StartQueryExecution", times=20, matching="select 'meant'")
    assert execute(api, "select 'other'").state == "SUCCEEDED"
    with pytest.raises(ClientError, match="injected"):
        execute(api, "select 'meant'")


def test_lost_answer_of_a_start_does_not_run_the_query_twice(api: RunningApi) -> None:
    """Boto3 repeats the call with the same request token, and Athena knows it."""
    sql = "select 'lost start'"
    api.lose_next("StartQueryExecution", matching="lost start")
    assert execute(api, sql).state == "SUCCEEDED"
    assert api.pending_faults() == []
    assert statements(api, sql) == 1


def test_lost_poll_is_repeated(api: RunningApi) -> None:
    api.lose_next("GetQueryExecution", times=2)
    assert execute(api, "select 'lost poll'").state == "SUCCEEDED"
    assert api.pending_faults() == []


def test_failed_query_says_why(api: RunningApi) -> None:
    api.fail_query("broken", "GENERIC_INTERNAL_ERROR: the node is gone")
    ended = execute(api, "select 'broken'")
    assert (ended.state, ended.reason) == ("FAILED", "GENERIC_INTERNAL_ERROR: the node is gone")
    assert execute(api, "select 'broken'").state == "SUCCEEDED"


def test_slow_query_runs_until_it_is_stopped(api: RunningApi) -> None:
    api.slow_query("'slow'", 600)
    athena = make_client("athena", api.url)
    group = api.environment["ATHENA_WORK_GROUP"]
    started = athena.start_query_execution(QueryString="select 'slow'", WorkGroup=group)
    query_id = started["QueryExecutionId"]
    state = athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]["Status"]
    assert state["State"] == "RUNNING"
    athena.stop_query_execution(QueryExecutionId=query_id)
    while state["State"] == "RUNNING":
        state = athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]["Status"]
    assert state["State"] == "CANCELLED"


def test_delayed_operation_of_glue_is_carried_out_later(api: RunningApi) -> None:
    api.delay_next("GetDatabase", 1.5)
    glue = make_client("glue", api.url)
    start = time.monotonic()
    assert glue.get_database(Name="raw")["Database"]["Name"] == "raw"
    assert time.monotonic() - start >= 1.5


def test_client_that_does_not_retry_sees_the_connection_break(api: RunningApi) -> None:
    no_retries = Config(retries={"total_max_attempts": 1})
    environment = api.environment
    athena = boto3.client(
        "athena",
        endpoint_url=api.url,
        region_name=environment["AWS_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        config=no_retries,
    )
    api.lose_next("ListWorkGroups")
    with pytest.raises(HTTPClientError):
        athena.list_work_groups()

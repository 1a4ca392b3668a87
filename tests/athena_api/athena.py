"""Athena's operations: queries, their results, work groups, the catalog's metadata."""

import csv
import io
import json
import re
import threading
import time
import traceback
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from tests.athena_api.clients import (
    GlueClient,
    S3Client,
    bucket_and_key,
    list_objects,
)
from tests.athena_api.engine import Engine
from tests.athena_api.faults import QUERY, Faults
from tests.athena_api.glue_tables import GlueTables
from tests.athena_api.statements import (
    MAX_STATEMENT_BYTES,
    SYSTEM_ERROR,
    CreateTableAs,
    Kind,
    QueryError,
    Result,
    check_single_statement,
    kind_of,
    parse_create_table_as,
)

if TYPE_CHECKING:
    from collections.abc import Callable

Request = dict[str, Any]
Answer = dict[str, Any]

MAX_ACTIVE_QUERIES = 200
RUN_AT_ONCE = 20
ROWS_PER_PAGE = 1000
QUERIES_PER_PAGE = 50
POLL_SECONDS = 1.0
INVALID = "InvalidRequestException"
SELECT = Kind("DML", "SELECT", in_engine=True)
ENGINE_VERSION = {
    "SelectedEngineVersion": "AUTO",
    "EffectiveEngineVersion": "Athena engine version 3",
}


class ApiError(Exception):
    """An operation's error answer: its code and message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass
class Query:
    """One query execution."""

    sql: str
    work_group: str
    output_location: str
    database: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    state: str = "QUEUED"
    reason: str | None = None
    category: int | None = None
    error_type: int | None = None
    kind: Kind = SELECT
    result: Result = field(default_factory=Result)
    submitted: float = field(default_factory=time.time)
    started: float | None = None
    ended: float | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)

    @property
    def output_file(self) -> str:
        """Where the result goes."""
        suffix = "txt" if self.kind.statement_type == "DDL" else "csv"
        return f"{self.output_location.rstrip('/')}/{self.id}.{suffix}"

    @property
    def node_id(self) -> str | None:
        """The dbt node that its comment names."""
        found = re.search(r'"node_id": "([^"]+)"', self.sql)
        return found[1] if found else None

    def log_entry(self) -> dict[str, Any]:
        """Give what the query log holds."""
        return {
            "id": self.id,
            "node_id": self.node_id,
            "state": self.state,
            "reason": self.reason,
            "statement_type": self.kind.substatement_type,
            "scanned_bytes": self.result.scanned_bytes,
            "seconds": round((self.ended or 0) - self.submitted, 3),
            "work_group": self.work_group,
            "sql": self.sql,
        }

    def description(self) -> Answer:
        """Give what GetQueryExecution answers."""
        end = self.ended or time.time()
        start = self.started or end
        status: Answer = {"State": self.state, "SubmissionDateTime": self.submitted}
        if self.ended:
            status["CompletionDateTime"] = self.ended
        if self.reason:
            status["StateChangeReason"] = self.reason
        if self.error_type is not None:
            status["AthenaError"] = {
                "ErrorCategory": self.category,
                "ErrorType": self.error_type,
                "Retryable": False,
                "ErrorMessage": self.reason,
            }
        return {
            "QueryExecutionId": self.id,
            "Query": self.sql,
            "StatementType": self.kind.statement_type,
            "SubstatementType": self.kind.substatement_type,
            "WorkGroup": self.work_group,
            "ResultConfiguration": {"OutputLocation": self.output_file},
            "QueryExecutionContext": {"Catalog": "awsdatacatalog", "Database": self.database},
            "EngineVersion": ENGINE_VERSION,
            "Status": status,
            "Statistics": {
                "DataScannedInBytes": self.result.scanned_bytes,
                "EngineExecutionTimeInMillis": int((end - start) * 1000),
                "TotalExecutionTimeInMillis": int((end - self.submitted) * 1000),
                "QueryQueueTimeInMillis": int((start - self.submitted) * 1000),
                "ServiceProcessingTimeInMillis": 0,
            },
        }


class Athena:
    """
    The operations of AmazonAthena that clients of this project use.

    Parameters
    ----------
    engine
        Runs the SQL.
    glue, s3
        Clients of the catalog and the storage that the engine reads and writes.
    log
        File to which each query is added as a line of JSON when it ends.
    faults
        What a test has injected.
    max_active_queries
        How many queries may be queued or running.
    """

    def __init__(  # noqa: PLR0913
        self,
        *,
        engine: Engine,
        glue: GlueClient,
        s3: S3Client,
        log: Path,
        faults: Faults,
        max_active_queries: int = MAX_ACTIVE_QUERIES,
    ) -> None:
        self._engine = engine
        self._glue = glue
        self._s3 = s3
        self._tables = GlueTables(glue)
        self._log = log
        self._faults = faults
        self._max_active_queries = max_active_queries
        self._lock = threading.Lock()
        self._queries: dict[str, Query] = {}
        self._tokens: dict[str, str] = {}
        self._work_groups: dict[str, Answer] = {"primary": {}}
        self._pool = ThreadPoolExecutor(RUN_AT_ONCE)
        self._operations: dict[str, Callable[[Request], Answer]] = {
            "StartQueryExecution": self._start_query,
            "StopQueryExecution": self._stop_query,
            "GetQueryExecution": self._get_query,
            "BatchGetQueryExecution": self._get_queries,
            "ListQueryExecutions": self._list_queries,
            "GetQueryResults": self._get_results,
            "CreateWorkGroup": self._create_work_group,
            "GetWorkGroup": self._get_work_group,
            "ListWorkGroups": self._list_work_groups,
            "GetDataCatalog": self._get_data_catalog,
        }

    def call(self, operation: str, request: Request) -> Answer:
        """
        Carry out an operation.

        Raises
        ------
        ApiError
            With the code and message that Athena would answer.
        """
        if operation not in self._operations:
            raise ApiError(INVALID, f"The stand-in does not have the operation {operation}")
        return self._operations[operation](request)

    # queries

    def _start_query(self, request: Request) -> Answer:
        sql = request["QueryString"]
        if len(sql.encode()) > MAX_STATEMENT_BYTES:
            raise ApiError(
                INVALID,
                "1 validation error detected: Value at 'queryString' failed to satisfy constraint:"
                f" Member must have length less than or equal to {MAX_STATEMENT_BYTES}",
            )
        work_group = request.get("WorkGroup", "primary")
        output = self._output_location(work_group, request)
        token = request.get("ClientRequestToken", "")
        with self._lock:
            if token and token in self._tokens:
                return {"QueryExecutionId": self._tokens[token]}
            active = sum(not query.done.is_set() for query in self._queries.values())
            if active >= self._max_active_queries:
                raise ApiError(
                    "TooManyRequestsException",
                    "You have exceeded the limit for the number of queries you can run"
                    " concurrently. Please reduce the number of concurrent queries submitted by"
                    " this account.",
                )
            database = request.get("QueryExecutionContext", {}).get("Database", "default")
            query = Query(sql, work_group, output, database.lower())
            self._queries[query.id] = query
            self._tokens[token] = query.id
        self._pool.submit(self._run, query)
        return {"QueryExecutionId": query.id}

    def _output_location(self, work_group: str, request: Request) -> str:
        settings = self._work_group(work_group)
        of_group = settings.get("ResultConfiguration", {}).get("OutputLocation")
        of_client = request.get("ResultConfiguration", {}).get("OutputLocation")
        if settings.get("EnforceWorkGroupConfiguration"):
            of_client = None
        location: str | None = of_client or of_group
        if not location:
            raise ApiError(
                INVALID,
                "No output location provided. An output location is required either through the"
                " Workgroup result configuration setting or as an API input.",
            )
        return location

    def _run(self, query: Query) -> None:
        query.state, query.started = "RUNNING", time.time()
        state = "SUCCEEDED"
        try:
            self._meet_fault(query)
            query.kind = kind_of(query.sql)
            check_single_statement(query.sql)
            query.result = self._result(query)
            self._check_scan_limit(query)
            self._write_result(query)
        except QueryError as error:
            state, query.reason = "FAILED", error.reason
            query.category, query.error_type = error.category, error.error_type
            query.result.scanned_bytes = max(query.result.scanned_bytes, error.scanned_bytes)
        except ScanLimitError as error:
            state, query.reason = "CANCELLED", str(error)
        except Exception as error:  # noqa: BLE001  # a client must never wait for ever
            traceback.print_exc()
            state, query.reason = "FAILED", f"INTERNAL_ERROR: {type(error).__name__}: {error}"
            query.category, query.error_type = SYSTEM_ERROR, 1
        query.ended = time.time()
        query.state = "CANCELLED" if query.cancelled.is_set() else state
        with self._lock, self._log.open("a", encoding="utf-8") as log:
            log.write(json.dumps(query.log_entry()) + "\n")
        query.done.set()

    def _meet_fault(self, query: Query) -> None:
        fault = self._faults.take(QUERY, query.sql)
        if fault and fault.effect == "slow":
            query.cancelled.wait(fault.seconds)
        elif fault:
            raise QueryError(fault.message, SYSTEM_ERROR)

    def _result(self, query: Query) -> Result:
        if not query.kind.in_engine:
            return self._tables.run(query.sql, query.database)
        if query.kind.substatement_type == "CREATE_TABLE_AS_SELECT":
            self._check_new_table(parse_create_table_as(query.sql, query.database))
        return self._engine.run(query.sql, query.kind, query.database, query.cancelled)

    def _check_new_table(self, new: CreateTableAs) -> None:
        if not new.location:
            raise QueryError(f"The stand-in needs an external_location for table {new.table}")
        if next(list_objects(self._s3, new.location), None):
            raise QueryError(
                f"HIVE_PATH_ALREADY_EXISTS: Target directory for table '{new.database}.{new.table}'"
                f" already exists: {new.location}. You may need to manually clean the data at"
                " location before retrying."
            )

    def _check_scan_limit(self, query: Query) -> None:
        limit = self._work_group(query.work_group).get("BytesScannedCutoffPerQuery")
        if not limit or query.result.scanned_bytes <= limit:
            return
        if query.kind.substatement_type == "CREATE_TABLE_AS_SELECT":
            # the engine only tells what it read when it is done: take back what it made
            new = parse_create_table_as(query.sql, query.database)
            self._glue.delete_table(DatabaseName=new.database, Name=new.table)
            bucket, _ = bucket_and_key(new.location or "")
            for entry in list_objects(self._s3, new.location or ""):
                self._s3.delete_object(Bucket=bucket, Key=entry["Key"])
        raise ScanLimitError("Bytes scanned limit was exceeded")

    def _write_result(self, query: Query) -> None:
        text = io.StringIO()
        if query.kind.statement_type == "DML":
            writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
            writer.writerow(name for name, _ in query.result.columns)
            writer.writerows(query.result.rows)
        bucket, key = bucket_and_key(query.output_file)
        try:
            self._s3.put_object(Bucket=bucket, Key=key, Body=text.getvalue().encode())
        except ClientError as error:
            raise QueryError(f"Unable to write to output location {query.output_file}") from error

    def _query(self, query_id: str) -> Query:
        if query_id not in self._queries:
            raise ApiError(INVALID, f"QueryExecution {query_id} was not found")
        return self._queries[query_id]

    def _get_query(self, request: Request) -> Answer:
        query = self._query(request["QueryExecutionId"])
        query.done.wait(POLL_SECONDS)  # answering late keeps short queries from many polls
        return {"QueryExecution": query.description()}

    def _get_queries(self, request: Request) -> Answer:
        wanted = request["QueryExecutionIds"]
        if len(wanted) > QUERIES_PER_PAGE:
            raise ApiError(INVALID, f"At most {QUERIES_PER_PAGE} query executions at once")
        unknown = [query_id for query_id in wanted if query_id not in self._queries]
        return {
            "QueryExecutions": [
                self._queries[query_id].description()
                for query_id in wanted
                if query_id in self._queries
            ],
            "UnprocessedQueryExecutionIds": [{"QueryExecutionId": name} for name in unknown],
        }

    def _list_queries(self, request: Request) -> Answer:
        work_group = request.get("WorkGroup", "primary")
        with self._lock:
            ids = [
                query.id
                for query in reversed(self._queries.values())
                if query.work_group == work_group
            ]
        start = ids.index(request["NextToken"]) if "NextToken" in request else 0
        end = start + min(request.get("MaxResults", QUERIES_PER_PAGE), QUERIES_PER_PAGE)
        answer: Answer = {"QueryExecutionIds": ids[start:end]}
        return answer | ({"NextToken": ids[end]} if end < len(ids) else {})

    def _stop_query(self, request: Request) -> Answer:
        self._query(request["QueryExecutionId"]).cancelled.set()
        return {}

    def _get_results(self, request: Request) -> Answer:
        query = self._query(request["QueryExecutionId"])
        if query.state != "SUCCEEDED":
            raise ApiError(
                INVALID, f"Query did not finish successfully. Final query state: {query.state}"
            )
        result = query.result
        rows = [
            [{} if value is None else {"VarCharValue": value} for value in row]
            for row in result.rows
        ]
        if query.kind.substatement_type == "SELECT":
            rows.insert(0, [{"VarCharValue": name} for name, _ in result.columns])
        start = int(request.get("NextToken", 0))
        end = start + min(int(request.get("MaxResults", ROWS_PER_PAGE)), ROWS_PER_PAGE)
        answer: Answer = {
            "UpdateCount": result.update_count or 0,
            "ResultSet": {
                "Rows": [{"Data": row} for row in rows[start:end]],
                "ResultSetMetadata": {"ColumnInfo": [_column_info(*c) for c in result.columns]},
            },
        }
        return answer | ({"NextToken": str(end)} if end < len(rows) else {})

    # work groups

    def _work_group(self, name: str) -> Answer:
        if name not in self._work_groups:
            raise ApiError(INVALID, f"WorkGroup is not found: {name}")
        return self._work_groups[name]

    def _create_work_group(self, request: Request) -> Answer:
        if request["Name"] in self._work_groups:
            raise ApiError(INVALID, f"WorkGroup {request['Name']} is already created")
        # AWS enforces a group's settings unless it is told not to
        settings = {"EnforceWorkGroupConfiguration": True} | request.get("Configuration", {})
        self._work_groups[request["Name"]] = settings
        return {}

    def _get_work_group(self, request: Request) -> Answer:
        settings = self._work_group(request["WorkGroup"])
        defaults = {
            "ResultConfiguration": {},
            "EnforceWorkGroupConfiguration": False,
            "EngineVersion": ENGINE_VERSION,
        }
        return {
            "WorkGroup": {
                "Name": request["WorkGroup"],
                "State": "ENABLED",
                "Configuration": defaults | settings,
            }
        }

    def _list_work_groups(self, _: Request) -> Answer:
        return {"WorkGroups": [{"Name": name, "State": "ENABLED"} for name in self._work_groups]}

    # the catalog

    def _get_data_catalog(self, request: Request) -> Answer:
        if request["Name"].lower() != "awsdatacatalog":
            raise ApiError(INVALID, f"DataCatalog {request['Name']} was not found")
        parameters = {"catalog-id": "123456789012"}
        return {"DataCatalog": {"Name": request["Name"], "Type": "GLUE", "Parameters": parameters}}


class ScanLimitError(Exception):
    """A query read more than its work group allows."""


def _column_info(name: str, type_name: str) -> Answer:
    precision = {"integer": 10, "bigint": 19, "float": 17, "double": 17, "varchar": 2147483647}
    return {
        "CatalogName": "hive",
        "SchemaName": "",
        "TableName": "",
        "Name": name,
        "Label": name,
        "Type": type_name,
        "Precision": precision.get(type_name, 0),
        "Scale": 0,
        "Nullable": "UNKNOWN",
        "CaseSensitive": type_name == "varchar",
    }

"""Runs Athena's SQL on a Trino server, by its REST interface."""

import json
import re
import threading
import time
import urllib.error
import urllib.request
from typing import Any

from tests.athena_api.statements import (
    SYSTEM_ERROR,
    USER_ERROR,
    Kind,
    QueryError,
    Result,
    bare_statement,
    parse_create_table_as,
)

CATALOG = "awsdatacatalog"
BUSY = (429, 502, 503, 504)
ATTEMPTS = 10


class TrinoEngine:
    """
    An engine that is a real Trino.

    Parameters
    ----------
    url
        The server's address.
    """

    name = "trino"

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def run(self, sql: str, kind: Kind, database: str, cancelled: threading.Event) -> Result:
        """Run a statement; bytes scanned are Trino's physicalInputBytes: read from S3."""
        statement = bare_statement(sql)
        if kind.substatement_type == "CREATE_TABLE_AS_SELECT":
            statement = create_table_for_trino(statement, database)
        result = self._run(statement, database, cancelled)
        if kind.substatement_type != "SELECT":
            result.columns, result.rows = [], []
        return result

    def _run(self, statement: str, database: str, cancelled: threading.Event) -> Result:
        headers = {
            "X-Trino-User": "athena",
            "X-Trino-Catalog": CATALOG,
            "X-Trino-Schema": database,
            "X-Trino-Time-Zone": "UTC",
        }
        columns: list[dict[str, Any]] = []
        rows: list[list[Any]] = []
        update_count = None
        scanned_bytes = 0
        page = _request("POST", f"{self._url}/v1/statement", headers, statement.encode())
        while True:
            scanned_bytes = page.get("stats", {}).get("physicalInputBytes", scanned_bytes)
            if error := page.get("error"):
                raise _query_error(error, scanned_bytes)
            columns = page.get("columns") or columns
            rows += page.get("data") or []
            update_count = page.get("updateCount", update_count)
            if not page.get("nextUri"):
                break
            if cancelled.is_set():
                _request("DELETE", page["nextUri"], headers)
                raise QueryError("Query was cancelled", scanned_bytes=scanned_bytes)
            page = _request("GET", page["nextUri"], headers)
        signatures = [column["typeSignature"] for column in columns]
        return Result(
            [(column["name"], athena_type(column["type"])) for column in columns],
            [
                [athena_text(value, sign) for value, sign in zip(row, signatures, strict=True)]
                for row in rows
            ],
            update_count,
            scanned_bytes,
        )


def create_table_for_trino(statement: str, database: str) -> str:
    """Write CREATE TABLE AS with the table properties that Trino's Hive connector knows."""
    parsed = parse_create_table_as(statement, database)
    properties = [f"format = '{parsed.file_format.upper()}'"]
    if parsed.location:
        properties.append(f"external_location = '{parsed.location}'")
    if parsed.partitioned_by:
        names = ", ".join(f"'{name}'" for name in parsed.partitioned_by)
        properties.append(f"partitioned_by = ARRAY[{names}]")
    table = f'"{CATALOG}"."{parsed.database}"."{parsed.table}"'
    return f"create table {table} with ({', '.join(properties)}) as {parsed.query}"


def athena_type(trino_type: str) -> str:
    """Give the name that Athena's result metadata has for a Trino type."""
    name = trino_type.lower()
    if nested := re.match(r"array|map|row", name):
        return nested[0]
    return {"real": "float"}.get(plain := re.sub(r"\(\d+(,\s*\d+)?\)", "", name), plain)


def athena_text(value: Any, signature: dict[str, Any]) -> str | None:  # noqa: ANN401
    """Give a value of Trino's JSON as the text that Athena's results hold; None for null."""
    if value is None:
        return None
    inner = [argument["value"] for argument in signature["arguments"]]
    if signature["rawType"] == "array":
        return "[" + ", ".join(athena_text(item, inner[0]) or "null" for item in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, float) else str(value)


def _query_error(error: dict[str, Any], scanned_bytes: int) -> QueryError:
    category = USER_ERROR if error.get("errorType") == "USER_ERROR" else SYSTEM_ERROR
    return QueryError(f"{error['errorName']}: {error['message']}", category, scanned_bytes)


def _request(
    method: str, url: str, headers: dict[str, str], body: bytes | None = None
) -> dict[str, Any]:
    request = urllib.request.Request(url, body, headers, method=method)  # noqa: S310
    for attempt in range(ATTEMPTS):
        try:
            with urllib.request.urlopen(request, timeout=120) as response:  # noqa: S310
                answer: dict[str, Any] = json.loads(response.read() or b"{}")
                return answer
        except urllib.error.HTTPError as error:
            if error.code not in BUSY:
                raise QueryError(f"INTERNAL_ERROR: Trino says {error}", SYSTEM_ERROR) from error
        except urllib.error.URLError as error:
            raise QueryError(f"INTERNAL_ERROR: Trino is gone: {error}", SYSTEM_ERROR) from error
        time.sleep(0.05 * 2**attempt)
    raise QueryError("INTERNAL_ERROR: Trino does not answer", SYSTEM_ERROR)

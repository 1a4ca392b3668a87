"""Run dbt on the target `athena` as a user does, over the stand-in, and look at what it made."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.athena_api import RunningApi
from tests.athena_api.clients import make_client
from tests.python.dbt_runs import (
    DBT,
    ROOT,
    Workspace,
    checked,
    environment,
    make_workspace,
    run,
)
from tests.python.forked_dbt import run_dbt

MARKER = "running_build_"

Rows = list[tuple[str | None, ...]]


@dataclass(frozen=True)
class AthenaShop:
    """A schema on the stand-in, and the folders in which dbt works for it."""

    api: RunningApi
    schema: str
    workspace: Workspace

    @property
    def environment(self) -> dict[str, str]:
        """The variables of a process that works on it."""
        of_api = self.api.environment | {"ATHENA_SCHEMA": self.schema}
        return environment(self.workspace) | of_api


def make_shop(
    api: RunningApi, schema: str, folder: Path, project: Path | None = None
) -> AthenaShop:
    """Make a shop; RAW_DIR names a folder that is not there, so nothing reads local files."""
    workspace = make_workspace(folder, folder / "no-raw-files", project or ROOT)
    return AthenaShop(api, schema, workspace)


def dbt_arguments(*arguments: str, variables: dict[str, Any] | None = None) -> list[str]:
    """Give the arguments of dbt on target `athena`."""
    command = ["--no-use-colors", *arguments, "--target", "athena"]
    return command + (["--vars", json.dumps(variables)] if variables else [])


def dbt(
    shop: AthenaShop,
    *arguments: str,
    variables: dict[str, Any] | None = None,
    fails: bool = False,
) -> str:
    """Run dbt and give what it prints; it must succeed, or fail if `fails`."""
    command = dbt_arguments(*arguments, variables=variables)
    code, output = run_dbt(command, shop.workspace.project, shop.environment)
    return checked(code, output, fails=fails)


def start_dbt(
    shop: AthenaShop, *arguments: str, variables: dict[str, Any] | None = None
) -> "subprocess.Popen[str]":
    """Start dbt and go on; its output is kept in a pipe."""
    return subprocess.Popen(
        [str(DBT), *dbt_arguments(*arguments, variables=variables)],
        cwd=shop.workspace.project,
        env=shop.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def export(shop: AthenaShop, *, fails: bool = False) -> str:
    """Run `python -m ml export --target athena` and give what it prints."""
    manifest = str(shop.workspace.target / "manifest.json")
    command = [sys.executable, "-m", "ml", "export", "--target", "athena", "--manifest", manifest]
    return run(command, ROOT, shop.environment, fails=fails)


@dataclass(frozen=True)
class Execution:
    """How a query ended."""

    id: str
    state: str
    reason: str
    scanned_bytes: int


def execute(api: RunningApi, sql: str, **request: Any) -> Execution:  # noqa: ANN401
    """Run a query through the Athena API and wait for its end."""
    athena = make_client("athena", api.url)
    defaults = {"WorkGroup": api.environment["ATHENA_WORK_GROUP"]}
    started = athena.start_query_execution(QueryString=sql, **(defaults | request))
    while True:
        found = athena.get_query_execution(QueryExecutionId=started["QueryExecutionId"])
        status = found["QueryExecution"]["Status"]
        if status["State"] not in ("QUEUED", "RUNNING"):
            return Execution(
                started["QueryExecutionId"],
                status["State"],
                status.get("StateChangeReason", ""),
                found["QueryExecution"]["Statistics"]["DataScannedInBytes"],
            )


def query(api: RunningApi, sql: str) -> Rows:
    """Give the rows of a query, every value as text, None for null."""
    execution = execute(api, sql)
    assert execution.state == "SUCCEEDED", execution.reason
    athena = make_client("athena", api.url)
    pages = athena.get_paginator("get_query_results").paginate(QueryExecutionId=execution.id)
    rows = [
        tuple(cell.get("VarCharValue") for cell in row["Data"])
        for page in pages
        for row in page["ResultSet"]["Rows"]
    ]
    return rows[1:]  # the first one holds the names


def tables(api: RunningApi, schema: str) -> dict[str, dict[str, Any]]:
    """Give the catalog's entries of what was built in a schema, by name; none without a schema."""
    entries = _entries(api, schema)
    return {name: entry for name, entry in entries.items() if not name.startswith(MARKER)}


def markers(api: RunningApi, schema: str) -> list[str]:
    """Give the names of the views that builds leave in a schema while they run, or are killed."""
    return sorted(name for name in _entries(api, schema) if name.startswith(MARKER))


def _entries(api: RunningApi, schema: str) -> dict[str, dict[str, Any]]:
    glue = make_client("glue", api.url)
    if schema not in [entry["Name"] for entry in glue.get_databases()["DatabaseList"]]:
        return {}
    return {table["Name"]: table for table in glue.get_tables(DatabaseName=schema)["TableList"]}


def contents(shop: AthenaShop) -> dict[str, Rows]:
    """Give all rows of all tables and views of a shop, sorted."""
    return {
        name: sorted(query(shop.api, f"select * from {shop.schema}.{name}"), key=str)
        for name in sorted(tables(shop.api, shop.schema))
    }


def wait_until_met(api: RunningApi, seconds: float = 120) -> None:
    """Wait until every injected fault has been met."""
    wait_until(lambda: not api.pending_faults(), seconds)


def wait_until(is_so: Callable[[], bool], seconds: float = 120) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it never came to be so"
        time.sleep(0.02)

"""What the last dbt run on Athena scanned and cost, from the statistics of its queries."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import click

from glue.raw.contract import raw_tables
from glue.raw.loads import ORDER_LINES
from glue.settings import read_settings
from ml.tools.aws import client
from ml.tools.s3 import Location, list_objects
from ml.tools.terminal import print_message, print_table

MEGABYTE = 1 << 20
TERABYTE = 1 << 40
LEAST_BILLED = 10 * MEGABYTE  # of a query, however little it scans
USD_PER_TB = 5.0  # in most regions
_BATCH = 50  # queries that Athena lists and describes at a time

_COMMENT = re.compile(r"\s*-- /\* (\{.*?\}) \*/")
_GROUPS = {"model": "models", "test": "tests", "unit_test": "tests", "seed": "seeds"}
_REST = "rest"  # statements of no node, such as making the schema


@dataclass(frozen=True)
class NodeCost:
    """
    The queries of one dbt node in one run.

    Attributes
    ----------
    node
        dbt's unique_id; empty for statements of no node.
    queries
        How many statements were sent.
    scanned
        Bytes that they read.
    billed
        Bytes that Athena charges for.
    of_loads
        Those of `scanned` that were read of raw order lines.

    """

    node: str
    queries: int
    scanned: int
    billed: int
    of_loads: int

    @property
    def group(self) -> str:
        """Say which part of the bill the node belongs to."""
        return _GROUPS.get(self.node.partition(".")[0], _REST)


@click.command()
@click.option(
    "--price",
    type=click.FloatRange(min=0),
    default=USD_PER_TB,
    help="US dollars for a terabyte scanned, in your region.",
)
def cost(price: float) -> None:
    """Print what the last dbt run on Athena scanned and cost, by model, by test and in all."""
    settings = read_settings()
    nodes = last_run(client("athena"), settings.work_group)
    if not nodes:
        raise click.ClickException(
            f"Work group {settings.work_group} has no query of a dbt run in its history: run"
            " `dbt build --target athena` first, or set ATHENA_WORK_GROUP to another one."
        )
    print_table(("node", "queries", "scanned MB", "billed MB", "USD"), list(_rows(nodes, price)))
    models = sum(node.scanned for node in nodes if node.group == "models")
    raw = raw_bytes(client("s3"), settings.raw)
    ratio = f"{models / raw:.2f} times" if raw else "with nothing in"
    print_message(
        f"Models scanned {_megabytes(models)} MB, {ratio} the raw files ({_megabytes(raw)} MB)."
    )
    if any(node.node.endswith(".stg_order_lines") for node in nodes):
        read = sum(node.of_loads for node in nodes)
        print_message(f"Of order lines the new loads were read, {read:,} bytes.")


def last_run(athena: Any, work_group: str) -> list[NodeCost]:  # noqa: ANN401
    """
    Add up the queries of the newest dbt run by the node that their comment names.

    dbt's adapter reports the last statement of a node only, and a model takes several.

    Parameters
    ----------
    athena
        Client of Athena.
    work_group
        Where the run's queries were sent.

    Returns
    -------
    list of NodeCost
        Nodes that sent a query, those that scanned most first; empty if there was no run.

    """
    run: dict[str, str] = {}
    found: dict[str, list[dict[str, Any]]] = {}
    for page in _newest_first(athena, work_group):
        for query in page:
            comment = _comment(query["Query"])
            if not run and comment.keys() >= {"node_id", "invocation_id", "run_started_at"}:
                run = comment
            if run and comment.get("invocation_id") == run["invocation_id"]:
                found.setdefault(comment.get("node_id", ""), []).append(query)
        # other queries may stand between those of the run; a page of older ones is the end
        if run and all(
            query["Status"]["SubmissionDateTime"] < datetime.fromisoformat(run["run_started_at"])
            for query in page
        ):
            break
    costs = [
        NodeCost(
            node,
            len(queries),
            sum(map(_scanned, queries)),
            sum(map(billed_bytes, queries)),
            sum(_scanned(query) for query in queries if _reads_loads(query)),
        )
        for node, queries in found.items()
    ]
    return sorted(costs, key=lambda cost: (-cost.scanned, cost.node))


@dataclass(frozen=True)
class Bill:
    """Some queries: how many, the bytes that they read, and US dollars."""

    queries: int
    scanned: int
    usd: float


def bill(queries: Sequence[dict[str, Any]]) -> Bill:
    """Add up queries, as Athena describes them."""
    billed = sum(map(billed_bytes, queries))
    return Bill(len(queries), sum(map(_scanned, queries)), billed / TERABYTE * USD_PER_TB)


def queries_since(athena: Any, work_group: str, since: datetime) -> list[dict[str, Any]]:  # noqa: ANN401
    """Give the work group's queries since a time, newest first, as Athena describes them."""
    found: list[dict[str, Any]] = []
    for page in _newest_first(athena, work_group):
        recent = [query for query in page if query["Status"]["SubmissionDateTime"] >= since]
        found += recent
        if len(recent) < len(page):
            break
    return found


def billed_bytes(query: dict[str, Any]) -> int:
    """
    Give the bytes that Athena charges for a query, as its pricing page says.

    Scanned bytes are rounded up to megabytes, with a least number for a query. Failed queries and
    statements that only change the catalog are free; CREATE TABLE AS counts as such a statement in
    the statistics, yet is charged for what it reads.
    """
    is_free = query["Status"]["State"] == "FAILED" or (
        query.get("StatementType") in ("DDL", "UTILITY")
        and query.get("SubstatementType") != "CREATE_TABLE_AS_SELECT"
    )
    if is_free:
        return 0
    return max(LEAST_BILLED, -(-_scanned(query) // MEGABYTE) * MEGABYTE)


def raw_bytes(s3: Any, raw: Location) -> int:  # noqa: ANN401
    """Give the size of the raw tables' objects in bytes, of either shape."""
    names = {ORDER_LINES, *(table.name for table in raw_tables())}
    return sum(found.size for name in names for found in list_objects(s3, raw.below(name)))


def _newest_first(athena: Any, work_group: str) -> Iterator[list[dict[str, Any]]]:  # noqa: ANN401
    pages = athena.get_paginator("list_query_executions").paginate(
        WorkGroup=work_group, PaginationConfig={"PageSize": _BATCH}
    )
    for page in pages:
        if page["QueryExecutionIds"]:
            batch = athena.batch_get_query_execution(QueryExecutionIds=page["QueryExecutionIds"])
            yield sorted(
                batch["QueryExecutions"],
                key=lambda query: query["Status"]["SubmissionDateTime"],
                reverse=True,
            )


def _comment(sql: str) -> dict[str, str]:
    """Read the JSON that dbt puts before every statement (macros/query_comment.sql)."""
    found = _COMMENT.match(sql)
    comment: dict[str, str] = json.loads(found.group(1)) if found else {}
    return comment


def _reads_loads(query: dict[str, Any]) -> bool:
    """Tell whether a query reads raw order lines, and not what is staged of them."""
    return f'"{ORDER_LINES}" as lines' in query["Query"]


def _scanned(query: dict[str, Any]) -> int:
    return int(query.get("Statistics", {}).get("DataScannedInBytes", 0))


def _rows(nodes: list[NodeCost], price: float) -> Iterator[list[str]]:
    groups = [
        group
        for group in (*dict.fromkeys(_GROUPS.values()), _REST)
        if any(node.group == group for node in nodes)
    ]
    for group in groups:
        for node in nodes:
            if node.group == group:
                yield _cells(node.node.partition(".next_basket.")[2] or "-", [node], price)
        yield []
    for group in groups:
        yield _cells(f"all {group}", [node for node in nodes if node.group == group], price)
    yield _cells("all", nodes, price)


def _cells(name: str, nodes: Iterable[NodeCost], price: float) -> list[str]:
    nodes = list(nodes)
    billed = sum(node.billed for node in nodes)
    return [
        name,
        str(sum(node.queries for node in nodes)),
        _megabytes(sum(node.scanned for node in nodes)),
        _megabytes(billed),
        f"{billed / TERABYTE * price:.6f}",
    ]


def _megabytes(size: int) -> str:
    return f"{size / MEGABYTE:.2f}"

"""Start a run, see how the last ones went and what they cost, read their logs."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from glue.cloud.cost import TERABYTE, billed_bytes
from glue.cloud.steps import live_run
from glue.settings import Settings, read_settings
from ml.tools.aws import account_id, client
from ml.tools.terminal import print_table

USD_PER_TB = 5  # Athena's price in most regions


@click.command()
@click.option("--wait", is_flag=True, help="Wait for the end; exit code 1 if the run fails.")
def start(wait: bool) -> None:
    """Start a run of the state machine now."""
    settings = read_settings()
    states = client("stepfunctions")
    # unique for 90 days: the date, and the second as the attempt
    name = datetime.now(UTC).strftime("%Y-%m-%d-%H%M%S")
    run = states.start_execution(
        stateMachineArn=state_machine(settings), name=name, input='{"trigger": "hand"}'
    )
    click.echo(f"run {name} started")
    while wait:
        ended = states.describe_execution(executionArn=run["executionArn"])
        if ended["status"] == "SUCCEEDED":
            click.echo(f"run {name} succeeded")
            return
        if ended["status"] != "RUNNING":
            raise click.ClickException(
                f"Run {name} ended {ended['status']}: {ended.get('cause', 'no reason given')}"
            )
        time.sleep(10)


@click.command()
@click.option("--runs", default=10, help="How many of the last runs.")
def status(runs: int) -> None:
    """Show the last runs: how they ended, how long they took, what they scanned and cost."""
    settings = read_settings()
    states = client("stepfunctions")
    listed = states.list_executions(stateMachineArn=state_machine(settings), maxResults=runs)
    executions = listed["executions"]
    if not executions:
        click.echo("No run yet: `python -m glue upload FOLDER` or `python -m glue start`.")
        return
    queries = _queries(settings, min(one["startDate"] for one in executions))
    print_table(
        ("run", "started", "ended", "minutes", "queries", "scanned MB", "Athena USD", "reason"),
        [_row(states, one, queries) for one in executions],
        left=3,
        left_at_end=1,
    )
    live = live_run(settings)
    if live:
        gates = [
            f"{task} {gate['figures']['measure']} {gate['figures']['value']:.4f}"
            for task, gate in live["gates"].items()
        ]
        click.echo(f"live: run {live['run']} of {live['published_at']}, {', '.join(gates)}")
    else:
        click.echo("live: nothing is published yet")


@click.command()
@click.argument("run", required=False)
@click.option("--lines", default=200, help="How many of the last lines.")
def logs(run: str | None, lines: int) -> None:
    """Print the containers' log during RUN, the last run if none is named."""
    settings = read_settings()
    states = client("stepfunctions")
    listed = states.list_executions(stateMachineArn=state_machine(settings), maxResults=100)
    chosen = [one for one in listed["executions"] if run in {None, one["name"]}]
    if not chosen:
        raise click.ClickException(
            f"There is no run {run or 'yet'}: `python -m glue status` lists them."
        )
    first, last = chosen[0]["startDate"], chosen[0].get("stopDate", datetime.now(UTC))
    events: list[dict[str, Any]] = []
    for page in (
        client("logs")
        .get_paginator("filter_log_events")
        .paginate(
            logGroupName=f"/next-basket/{settings.name}",
            startTime=int(first.timestamp() * 1000),
            endTime=int((last + timedelta(minutes=5)).timestamp() * 1000),
        )
    ):
        events += page["events"]
    for event in sorted(events, key=lambda event: event["timestamp"])[-lines:]:
        when = datetime.fromtimestamp(event["timestamp"] / 1000, UTC).strftime("%H:%M:%S")
        click.echo(f"{when} {event['message'].rstrip()}")


def state_machine(settings: Settings) -> str:
    """Give the ARN of the state machine."""
    return f"arn:aws:states:{settings.region}:{account_id()}:stateMachine:{settings.name}-etl"


def _row(states: Any, one: dict[str, Any], queries: list[dict[str, Any]]) -> list[str]:  # noqa: ANN401
    end = one.get("stopDate", datetime.now(UTC))
    mine = [
        query
        for query in queries
        if one["startDate"] <= query["Status"]["SubmissionDateTime"] <= end
    ]
    scanned = [query.get("Statistics", {}).get("DataScannedInBytes", 0) for query in mine]
    billed = sum(billed_bytes(query) for query in mine)
    reason = ""
    if one["status"] not in {"RUNNING", "SUCCEEDED"}:
        ended = states.describe_execution(executionArn=one["executionArn"])
        reason = ended.get("cause") or ended.get("error") or "no reason given"
    return [
        one["name"],
        one["startDate"].astimezone(UTC).strftime("%Y-%m-%d %H:%M"),
        one["status"].lower(),
        f"{(end - one['startDate']).total_seconds() / 60:.1f}",
        str(len(mine)),
        f"{sum(scanned) / 1e6:,.1f}",
        f"{billed / TERABYTE * USD_PER_TB:.4f}",
        _short(reason),
    ]


def _short(reason: str) -> str:
    return reason if len(reason) <= 160 else reason[:157] + "..."  # noqa: PLR2004


def _queries(settings: Settings, since: datetime) -> list[dict[str, Any]]:
    """Give the work group's queries since a time, newest first, as Athena describes them."""
    athena = client("athena")
    found: list[dict[str, Any]] = []
    pages = athena.get_paginator("list_query_executions").paginate(WorkGroup=settings.work_group)
    for page in pages:
        ids = page["QueryExecutionIds"]
        if not ids:
            break
        batch = athena.batch_get_query_execution(QueryExecutionIds=ids)["QueryExecutions"]
        found += [one for one in batch if one["Status"]["SubmissionDateTime"] >= since]
        if len(found) and batch[-1]["Status"]["SubmissionDateTime"] < since:
            break
    return found

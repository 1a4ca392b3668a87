"""Start a run, see how the last ones went and what they cost, read their logs."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from glue.cloud.cost import bill, queries_since
from glue.cloud.live import live_run
from glue.settings import Settings, read_settings
from ml.tools.aws import account_id, client, partition
from ml.tools.s3 import list_objects
from ml.tools.terminal import print_table

# the steps at which a run can be gone on with: each finds in the run's folder what it needs
ENTRIES = {
    "Build": "build",
    "Export": "export",
    "Train": "train",
    "Evaluate": "evaluate",
    "Predict": "predict",
    "Publish": "publish",
}
"""By the name of the state."""

_wait_option = click.option(
    "--wait", is_flag=True, help="Wait for the end; exit code 1 if the run fails."
)


@click.command()
@click.option(
    "--from",
    "entry",
    type=click.Choice(list(ENTRIES.values())),
    help="Begin at this step of the run that --run names.",
)
@click.option("--run", help="The older run that is gone on with.")
@_wait_option
def start(entry: str | None, run: str | None, wait: bool) -> None:
    """Start a run of the state machine now, from the beginning or at a step of an older run."""
    if (entry is None) != (run is None):
        raise click.ClickException("--from and --run go together: a step, and the run that has it.")
    _start(read_settings(), entry, run, wait)


@click.command()
@click.argument("run", required=False)
@_wait_option
def retry(run: str | None, wait: bool) -> None:
    """Start RUN again at the step that failed, the last run if none is named."""
    settings, states = read_settings(), client("stepfunctions")
    failed = _execution(states, settings, run)
    if failed["status"] in {"RUNNING", "SUCCEEDED"}:
        raise click.ClickException(
            f"Run {failed['name']} is {failed['status'].lower()}: only a failed run is started"
            " again (`python -m glue status` lists them)."
        )
    # a run that went on with another one keeps its files in that one's folder
    told = states.describe_execution(executionArn=failed["executionArn"])
    given = json.loads(told.get("input") or "{}")
    entry = _failed_step(states, failed["executionArn"]) or given.get("from")
    _start(settings, entry, given.get("run", failed["name"]) if entry else None, wait)


@click.command()
@click.option("--run", required=True, help="A run that has passed the gate.")
@_wait_option
def publish(run: str, wait: bool) -> None:
    """Make an older run the live one again: its model, and what it predicted."""
    _start(read_settings(), "publish", run, wait)


def _start(settings: Settings, entry: str | None, of: str | None, wait: bool) -> None:
    states = client("stepfunctions")
    given = {"trigger": "hand"}
    if entry and of:
        given |= {"from": entry, "run": of}
        _check_can_go_on(states, settings, of)
    # unique for 90 days: the date, and the second as the attempt
    name = datetime.now(UTC).strftime("%Y-%m-%d-%H%M%S")
    run = states.start_execution(
        stateMachineArn=state_machine(settings), name=name, input=json.dumps(given)
    )
    click.echo(f"run {name} started" + (f" at {entry} of run {of}" if entry else ""))
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


def _check_can_go_on(states: Any, settings: Settings, run: str) -> None:  # noqa: ANN401
    place = settings.run(run)
    if not any(list_objects(client("s3"), place)):
        raise click.ClickException(
            f"There is nothing of run {run} at {place}: `python -m glue status` lists the runs."
        )
    running = states.list_executions(
        stateMachineArn=state_machine(settings), statusFilter="RUNNING"
    )["executions"]
    if running:
        raise click.ClickException(
            f"Run {running[0]['name']} is under way: wait for its end, then repeat the command."
        )


def _execution(states: Any, settings: Settings, run: str | None) -> dict[str, Any]:  # noqa: ANN401
    listed = states.list_executions(stateMachineArn=state_machine(settings), maxResults=100)
    for one in listed["executions"]:
        if run in {None, one["name"]}:
            execution: dict[str, Any] = one
            return execution
    raise click.ClickException(
        f"There is no run {run or 'yet'}: `python -m glue status` lists them."
    )


def _failed_step(states: Any, execution: str) -> str | None:  # noqa: ANN401
    """Give the last step that a run began; None if that is before the build."""
    pages = states.get_paginator("get_execution_history").paginate(
        executionArn=execution, reverseOrder=True
    )
    for page in pages:
        for event in page["events"]:
            state = event.get("stateEnteredEventDetails", {}).get("name")
            if state in ENTRIES:
                return ENTRIES[state]
    return None


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
    since = min(one["startDate"] for one in executions)
    queries = queries_since(client("athena"), settings.work_group, since)
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
            if gate["figures"]
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
    chosen = _execution(client("stepfunctions"), settings, run)
    first, last = chosen["startDate"], chosen.get("stopDate", datetime.now(UTC))
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
    place = f"{partition(settings.region)}:states:{settings.region}:{account_id()}"
    return f"arn:{place}:stateMachine:{settings.name}-etl"


def _row(states: Any, one: dict[str, Any], queries: list[dict[str, Any]]) -> list[str]:  # noqa: ANN401
    seconds = (ended_at(one) - one["startDate"]).total_seconds()
    bills = bill(queries_during(one, queries))
    reason = ""
    if has_failed(one):
        reason = reason_of(states.describe_execution(executionArn=one["executionArn"]))
    return [
        one["name"],
        one["startDate"].astimezone(UTC).strftime("%Y-%m-%d %H:%M"),
        one["status"].lower(),
        f"{seconds / 60:.1f}",
        str(bills.queries),
        f"{bills.scanned / 1e6:,.1f}",
        f"{bills.usd:.4f}",
        _short(reason),
    ]


def ended_at(one: dict[str, Any]) -> datetime:
    """Give the time at which a run ended; of one that is under way, now."""
    ended: datetime = one.get("stopDate", datetime.now(UTC))
    return ended


def queries_during(one: dict[str, Any], queries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Choose the queries that were sent during a run."""
    return [
        query
        for query in queries
        if one["startDate"] <= query["Status"]["SubmissionDateTime"] <= ended_at(one)
    ]


def has_failed(one: dict[str, Any]) -> bool:
    """Tell whether a run ended otherwise than well."""
    return one["status"] not in {"RUNNING", "SUCCEEDED"}


def reason_of(described: dict[str, Any]) -> str:
    """Say why a run failed, of what DescribeExecution gives."""
    return str(described.get("cause") or described.get("error") or "no reason given")


def _short(reason: str) -> str:
    return reason if len(reason) <= 160 else reason[:157] + "..."  # noqa: PLR2004

"""One page about the last runs: steps, bytes, dollars, rows, gates, figures and drift of each."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from botocore.exceptions import ClientError
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from glue.cloud.cost import Bill, bill, queries_since
from glue.cloud.runs import (
    ENTRIES,
    ended_at,
    has_failed,
    queries_during,
    reason_of,
    state_machine,
)
from glue.cloud.steps import SUMMARY
from glue.settings import Settings, read_settings
from ml.tasks.registry import TASKS
from ml.tools.atomic_files import file_aside
from ml.tools.aws import client, is_missing
from ml.tools.paths import ROOT
from ml.tools.progress import counted_step
from ml.tools.s3 import Location, read_json

_RUNS = 30
_MOVED = 8  # features and scores shown of a run, those that moved most
_STEPS = {"StartCrawler": "crawl", "FixSerde": "escape character", "Verify": "contract"} | ENTRIES
# us-east-1, as the runbook reckons: 2 DPU, a small container, 4 workers, a large container
_USD_PER_HOUR = {
    "crawl": 0.88,
    "build": 0.06,
    "export": 1.76,
    "train": 0.233,
    "evaluate": 0.233,
    "predict": 0.233,
}


@dataclass(frozen=True)
class Step:
    """One step of a run: how long it took, and US dollars for the machines that it ran on."""

    name: str
    seconds: float
    usd: float


@dataclass(frozen=True)
class TaskFigures:
    """What the training of a task says of its model: measures by name, and what it took."""

    measures: dict[str, float]
    seconds: float
    peak_memory_mb: float


@dataclass(frozen=True)
class RunFigures:
    """
    One run of the state machine.

    Attributes
    ----------
    name, started, status, reason
        What the state machine says of it; `reason` is empty if it did not fail.
    seconds
        From its start to its end, or until now.
    steps
        The steps that it came to, in order.
    bill
        Its queries.
    gates
        The verdict on each task, as `evaluate` wrote it.
    summary
        Rows and drift, as `predict` wrote them; empty if it did not come so far, or has expired.
    notice
        What was said of lines that could not be used.
    tasks
        Figures of each task that was trained.

    """

    name: str
    started: datetime
    status: str
    reason: str
    seconds: float
    steps: list[Step]
    bill: Bill
    gates: dict[str, Any]
    summary: dict[str, Any]
    notice: str
    tasks: dict[str, TaskFigures]

    @property
    def minutes(self) -> float:
        """How long it took."""
        return self.seconds / 60

    @property
    def gigabytes(self) -> float:
        """What its queries read."""
        return self.bill.scanned / 1e9

    @property
    def usd(self) -> float:
        """Queries, Spark job and containers in US dollars."""
        return self.bill.usd + sum(step.usd for step in self.steps)

    @property
    def drift(self) -> float | None:
        """The highest population stability index; None if nothing was compared."""
        return max(self.summary.get("psi", {}).values(), default=None)

    @property
    def moved(self) -> list[tuple[str, float]]:
        """Features and scores that moved most, with their index."""
        return list(self.summary.get("psi", {}).items())[:_MOVED]

    @property
    def rows_out(self) -> int | None:
        """Rows of all predictions; None if there are none."""
        return sum(self.summary["rows_out"].values()) if "rows_out" in self.summary else None

    @property
    def rejected(self) -> int | None:
        """Lines of all loads that could not be used; None if nothing is known of loads."""
        rejected: int | None = self.summary.get("lines", {}).get("rejected")
        return rejected


@click.command()
@click.option(
    "--html",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="The page to write.",
)
def runs(html: Path) -> None:
    """Write one page about the last 30 runs, which needs no network."""
    settings = read_settings()
    figures = read_runs(settings)
    if not figures:
        raise click.ClickException(
            "There is no run yet: `python -m glue upload FOLDER` or `python -m glue start`."
        )
    with file_aside(html) as aside:
        aside.write_text(runs_page(settings, figures), encoding="utf-8")
    click.echo(html)


def runs_page(settings: Settings, figures: list[RunFigures]) -> str:
    """
    Write down runs as HTML.

    Parameters
    ----------
    settings
        Of the installation: its name, and the limit of drift.
    figures
        The runs, newest first.

    """
    # the look is the report's: its style sheet is text, and no module of it is needed
    templates = Environment(
        loader=FileSystemLoader([Path(__file__).parent, ROOT / "ml" / "report"]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    names = [task.name for task in TASKS]
    return templates.get_template("runs.html.j2").render(
        settings=settings, runs=figures, oldest_first=figures[::-1], tasks=names
    )


def read_runs(settings: Settings) -> list[RunFigures]:
    """Read what the last runs left: in the state machine, in Athena's history, and in S3."""
    states = client("stepfunctions")
    listed = states.list_executions(stateMachineArn=state_machine(settings), maxResults=_RUNS)
    executions = listed["executions"]
    if not executions:
        return []
    since = min(one["startDate"] for one in executions)
    queries = queries_since(client("athena"), settings.work_group, since)
    figures = []
    with counted_step("runs", len(executions)) as advance:
        for one in executions:
            figures.append(_run_figures(settings, states, one, queries))
            advance(1)
    return figures


def _run_figures(
    settings: Settings,
    states: Any,  # noqa: ANN401
    one: dict[str, Any],
    queries: list[dict[str, Any]],
) -> RunFigures:
    told = states.describe_execution(executionArn=one["executionArn"])
    # a run that went on with another one left its files in that one's folder
    place = settings.run(json.loads(told.get("input") or "{}").get("run", one["name"]))
    s3 = client("s3")
    return RunFigures(
        name=one["name"],
        started=one["startDate"].astimezone(UTC),
        status=one["status"].lower(),
        reason=reason_of(told) if has_failed(one) else "",
        seconds=(ended_at(one) - one["startDate"]).total_seconds(),
        steps=list(_steps(states, one)),
        bill=bill(queries_during(one, queries)),
        gates=read_json(s3, place, "gate.json") or {},
        summary=read_json(s3, place.below("predictions"), SUMMARY) or {},
        notice=_notice(s3, place),
        tasks=dict(_task_figures(s3, place)),
    )


def _steps(states: Any, one: dict[str, Any]) -> Iterator[Step]:  # noqa: ANN401
    """Give the steps of a run; one lasts until the next begins, the last until the run's end."""
    pages = states.get_paginator("get_execution_history").paginate(
        executionArn=one["executionArn"], reverseOrder=True
    )
    begun = [
        (event["timestamp"], _STEPS[event["stateEnteredEventDetails"]["name"]])
        for page in pages
        for event in page["events"]
        if event.get("stateEnteredEventDetails", {}).get("name") in _STEPS
    ][::-1]
    ends = [*(time for time, _ in begun[1:]), ended_at(one)]
    for (start, name), end in zip(begun, ends, strict=True):
        seconds = (end - start).total_seconds()
        yield Step(name, seconds, seconds / 3600 * _USD_PER_HOUR.get(name, 0))


def _notice(s3: Any, place: Location) -> str:  # noqa: ANN401
    try:
        body: bytes = s3.get_object(Bucket=place.bucket, Key=place.key("notice.txt"))["Body"].read()
    except ClientError as error:
        if is_missing(error):
            return ""
        raise
    return body.decode()


def _task_figures(s3: Any, place: Location) -> Iterator[tuple[str, TaskFigures]]:  # noqa: ANN401
    for task in TASKS:
        metrics = read_json(s3, place.below(f"models/{task.name}"), "metrics.json")
        if metrics:
            # where there is a model for each context, the last one: pre-order, as at night
            models = [rung for rung in metrics["ladder"]["rungs"] if rung["is_model"]]
            measures = models[-1]["measures"] if models else {}
            means = {name: one["mean"] for name, one in measures.items()}
            yield (
                task.name,
                TaskFigures(means, metrics["seconds"], metrics["peak_memory_mb"]),
            )

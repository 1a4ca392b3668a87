"""The commands that work on data.csv and on runs: what a task is asked comes from its object."""

import json
import re
import tempfile
from copy import copy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from ml.tasks.registry import TASKS, task_named
from ml.tasks.task import PUBLISHED, Task
from ml.tools.atomic_files import file_aside
from ml.tools.paths import all_runs, default_data, runs_of

_PATH = click.Path(path_type=Path)


class TaskName(click.ParamType[Task]):
    """The name of a task, read as the task."""

    name = "task"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002
        """Show the names there are."""
        return f"[{'|'.join(task.name for task in TASKS)}]"

    def convert(
        self,
        value: Any,  # noqa: ANN401
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Task:
        """Look the task up."""
        if isinstance(value, Task):
            return value
        try:
            return task_named(value)
        except KeyError:
            names = ", ".join(repr(task.name) for task in TASKS)
            self.fail(f"{value!r} is not one of {names}.", param, ctx)


class TaskCommand(click.Command):
    """
    A command on one task: it has the options of every task, and takes those of the one asked for.

    Its function gets the values of these as `options`.

    Parameters
    ----------
    options_of
        Name of the field of Task that holds the tasks' options for this command.
    attributes
        What click.Command takes.

    """

    def __init__(self, *, options_of: str, **attributes: Any) -> None:  # noqa: ANN401
        super().__init__(**attributes)
        self._options_of = options_of

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Give the command's own parameters, each option of the tasks, and --help."""
        *own, help_option = super().get_params(ctx)
        options = []
        for found in self._by_name().values():
            option = copy(next(iter(found.values())))
            option.help = " ".join(
                f"{task.capitalize()}: {option.help}" for task, option in found.items()
            )
            options.append(option)
        return [*own, *options, help_option]

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401
        """Refuse the options of other tasks, and hand over those of the one asked for."""
        task: Task = ctx.params["task"]
        options = {}
        for name, found in self._by_name().items():
            value = ctx.params.pop(name)
            if task.name in found:
                options[name] = value
            elif ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
                raise click.UsageError(
                    f"{next(iter(found.values())).opts[0]} is for {' and '.join(found)}: leave it"
                    f" out for {task.name}."
                )
        ctx.params["options"] = options
        return super().invoke(ctx)

    def _by_name(self) -> dict[str, dict[str, click.Option]]:
        """Give the option of each task that has it, by the option's name."""
        options: dict[str, dict[str, click.Option]] = {}
        for task in TASKS:
            for option in getattr(task, self._options_of):
                options.setdefault(option.name, {})[task.name] = option
        return options


def _read_name(_context: click.Context, _option: click.Parameter, name: str | None) -> str | None:
    if name and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
        raise click.BadParameter("take letters, digits, '-', '_' and '.': it names a folder too.")
    return name


task_option = click.option(
    "--task",
    type=TaskName(),
    default=TASKS[0].name,
    show_default=True,
    help="What to predict.",
)
data_option = click.option(
    "--data",
    type=_PATH,
    help="data.csv; what belongs to it lies beside it.  [default: LAKE_DIR/data.csv]",
)


@click.command()
def tasks() -> None:
    """Print the names of the tasks, a line each."""
    for task in TASKS:
        click.echo(task.name)


@click.command(cls=TaskCommand, options_of="train_options")
@task_option
@data_option
@click.option("--run", type=_PATH, help="Folder to make.  [default: RUNS_DIR/<task>/<time>]")
def train(task: Task, data: Path | None, run: Path | None, options: dict[str, Any]) -> None:
    """Fit a task's models, judge them out of fold beside every baseline, write a run."""
    from ml.runs.run import new_run  # noqa: PLC0415

    run = run or new_run(runs_of(task.name))
    functions = task.load()
    functions.print_ladder(functions.train(data or default_data(), run, **options))


@click.command()
@task_option
@data_option
@click.option("--run", type=_PATH, help="A finished run.  [default: RUNS_DIR/<task>/latest]")
def evaluate(task: Task, data: Path | None, run: Path | None) -> None:
    """Judge a run again, on this data: every baseline and the model on the same orders."""
    run = run or runs_of(task.name) / "latest"
    functions = task.load()
    functions.print_ladder(functions.evaluate(data or default_data(), run))


@click.command(cls=TaskCommand, options_of="predict_options")
@task_option
@click.option("--run", type=_PATH, required=True, help="A finished run.")
@data_option
@click.option("--out", type=_PATH, required=True, help="Folder to write to.")
@click.option(
    "--name",
    callback=_read_name,
    help="What these predictions are called in the column run.  [default: the time]",
)
@click.pass_context
def predict(  # noqa: PLR0913, PLR0917 - click passes one argument per option
    context: click.Context,
    task: Task,
    run: Path,
    data: Path | None,
    out: Path,
    name: str | None,
    options: dict[str, Any],
) -> None:
    """Score the orders to come and decide their baskets; recommend new products; answer carts."""
    from ml.data.reading import open_data  # noqa: PLC0415 - slow to import
    from ml.lake.predictions import publish_predictions, write_predictions  # noqa: PLC0415

    at = datetime.now(UTC)
    task.load().predict(run, data or default_data(), out, **options)
    # what was asked for otherwise than by default is a part, or for somebody else
    is_asked = (context.get_parameter_source(option) for option in options)
    if not task.published or ParameterSource.COMMANDLINE in is_asked:
        return
    stamps = {
        "run": name or at.strftime("%Y%m%dT%H%M%SZ"),
        "task": task.name,
        "model_version": run.resolve().name,
        "predicted_at": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    targets = open_data(data or default_data()).window_targets(0)
    with file_aside(out / PUBLISHED) as aside:
        write_predictions(aside, out / task.published, targets, stamps)
    if not data:
        publish_predictions(out / PUBLISHED, default_data().parent, stamps["run"], task.name)


@click.command()
@task_option
@data_option
@click.option("--out", type=_PATH, required=True, help="File to write, for `train --parameters`.")
@click.option(
    "--minutes",
    type=click.FloatRange(min=0, min_open=True),
    default=10,
    show_default=True,
    help="How long to search; a search on the same data goes on where the last one ended.",
)
def tune(task: Task, data: Path | None, out: Path, minutes: float) -> None:
    """Search parameters on older windows, never on the one that models are judged on."""
    if not task.tune:
        have = " and ".join(one.name for one in TASKS if one.tune)
        raise click.UsageError(f"only {have} has parameters to search.")
    task.tune(data or default_data(), out, minutes)


@click.command()
@task_option
@data_option
@click.option("--run", type=_PATH, required=True, help="The new run.")
@click.option("--live", type=_PATH, help="The live run; none before the first.")
@click.option(
    "--live-targets",
    type=_PATH,
    help="target_orders.parquet of the data that the live run was trained on.",
)
@click.option(
    "--margin",
    type=click.FloatRange(min=0),
    default=0.005,
    show_default=True,
    help="How much the new run may fall short of the live one.",
)
@click.option("--out", type=_PATH, required=True, help="The verdict as JSON, to be written.")
def gate(  # noqa: PLR0913, PLR0917 - click passes one argument per option
    task: Task,
    data: Path | None,
    run: Path,
    live: Path | None,
    live_targets: Path | None,
    margin: float,
    out: Path,
) -> None:
    """Say whether a run may go live: above its floor, no worse than the live run; else exit 1."""
    from ml.runs.gate import judge  # noqa: PLC0415 - slow to import
    from ml.runs.run import read_run  # noqa: PLC0415

    if not task.load_gate:
        raise click.UsageError(f"{task.name} has no gate: its runs always pass.")
    if bool(live) != bool(live_targets):
        raise click.UsageError("--live and --live-targets belong together: give both or neither.")
    weigh = task.load_gate()
    compared = None
    if live and live_targets:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=".scratch-") as scratch:
            compared = weigh.compare(data or default_data(), run, live, live_targets, Path(scratch))
    verdict = judge(weigh.figures(read_run(run, task.name)), compared, margin)
    verdict.write(out)
    if not verdict.passed:
        raise click.ClickException(f"{task.name} may not go live: {verdict.reason}.")
    click.echo(f"{task.name} may go live: {verdict.words}.")


@click.command()
@data_option
@click.option(
    "--predictions", type=_PATH, required=True, help="Folder of what each task predicted."
)
@click.option("--before", type=_PATH, help="The summary of an older run, to compare with.")
@click.option("--out", type=_PATH, required=True, help="The summary as JSON, to be written.")
def summarize(data: Path | None, predictions: Path, before: Path | None, out: Path) -> None:
    """Count what a run read and predicted, and how far features and scores have moved."""
    from ml.judging.summary import summarize as summary_of  # noqa: PLC0415 - slow to import

    scores = {
        f"score of {task.name}": Path(task.name) / PUBLISHED for task in TASKS if task.published
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".scratch-") as scratch:
        summary = summary_of(data or default_data(), predictions, scores, before, Path(scratch))
    with file_aside(out) as aside:
        aside.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    for name, index in list(summary["psi"].items())[:3]:
        click.echo(f"{name}: population stability index {index:.3f}")


@click.command()
@click.option("--run", type=_PATH, help="A finished run.  [default: the latest of every task]")
def report(run: Path | None) -> None:
    """Write report.html into the run's folder, or one page for all tasks into RUNS_DIR."""
    from ml.report.loads import loads_part  # noqa: PLC0415 - slow to import
    from ml.report.page import write_report  # noqa: PLC0415 - slow to import
    from ml.runs.run import read_run  # noqa: PLC0415

    latest = [runs_of(task.name) / "latest" for task in TASKS]
    folders = [run] if run else [folder for folder in latest if folder.exists()]
    if not folders:
        raise click.ClickException(
            f"{all_runs()} holds no run: make one with `python -m ml train`."
        )
    parts = []
    for one in map(read_run, folders):
        try:
            task = task_named(one.task).load()
        except KeyError:
            raise click.ClickException(
                f"{one.folder} is a run of {one.task}, and there is no such task: the tasks are"
                f" {', '.join(task.name for task in TASKS)}."
            ) from None
        try:
            parts.append(task.report(one))
        except KeyError as missing:
            raise click.ClickException(
                f"{one.folder} holds no {missing.args[0]}, which the report shows: it was made by"
                " another version of this project, train again."
            ) from missing
    loads = None if run else loads_part(default_data().with_name("loads.parquet"))
    click.echo(
        write_report([*parts, loads] if loads else parts, (run or all_runs()) / "report.html")
    )


@click.command()
@click.option("--run", type=_PATH, required=True, help="A finished run whose task answers carts.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, help="Port to listen on.")
def serve(run: Path, host: str, port: int) -> None:
    """
    Answer carts over HTTP, with a page to try it.

    On an address that other machines reach, SERVE_TOKEN must be set: requests send it as
    `Authorization: Bearer ...`.
    """
    from ml.serve.server import serve as serve_run  # noqa: PLC0415 - slow to import

    serve_run(run, host, port)

"""The commands that work on data.csv and on runs."""

from importlib import import_module
from pathlib import Path
from types import ModuleType

import click
from click.core import ParameterSource

from ml.data.contract import CONTEXTS, Context
from ml.fitting.boosting import FitParameters
from ml.fitting.memory import parse_memory
from ml.fitting.parameter_files import read_parameters
from ml.report.page import write_report
from ml.runs.run import new_run
from ml.tasks.buy_again.decision import EXPECTED_F1, Decision, parse_decision
from ml.tasks.buy_again.evaluate import evaluate as evaluate_buy_again
from ml.tasks.buy_again.predict import predict as predict_buy_again
from ml.tasks.buy_again.printing import print_ladder, print_verdicts
from ml.tasks.buy_again.train import TASK as BUY_AGAIN
from ml.tasks.buy_again.train import train as train_buy_again
from ml.tools.paths import all_runs, default_data, runs_of

_PATH = click.Path(path_type=Path)

# the package of each further task; its modules have functions of the same names
_DISCOVERY, _NEXT_IN_CART = "discovery", "next-in-cart"
_PACKAGES = {_DISCOVERY: "ml.tasks.discovery", _NEXT_IN_CART: "ml.tasks.next_in_cart"}

task_option = click.option(
    "--task",
    type=click.Choice([BUY_AGAIN, *_PACKAGES]),
    default=BUY_AGAIN,
    show_default=True,
    help="What to predict.",
)
data_option = click.option(
    "--data",
    type=_PATH,
    help="data.csv; what belongs to it lies beside it.  [default: LAKE_DIR/data.csv]",
)


@click.command()
@task_option
@data_option
@click.option("--run", type=_PATH, help="Folder to make.  [default: RUNS_DIR/<task>/<time>]")
@click.option(
    "--parameters",
    type=_PATH,
    callback=lambda _context, _option, path: path and read_parameters(path),
    help="What `tune` wrote.  [default: what suits the size of the data]",
)
@click.option(
    "--memory",
    default="4GB",
    show_default=True,
    callback=lambda _context, _option, text: parse_memory(text),
    help="How much the training may hold; more windows than fit are left out, the oldest first.",
)
def train(
    task: str, data: Path | None, run: Path | None, parameters: FitParameters | None, memory: int
) -> None:
    """Fit a task's models, judge them out of fold, write a run."""
    _refuse_options_of_others(task, {"parameters": (BUY_AGAIN,), "memory": (BUY_AGAIN,)})
    data, run = data or default_data(), run or new_run(runs_of(task))
    if task == BUY_AGAIN:
        print_verdicts(train_buy_again(data, run, fit_parameters=parameters, memory=memory))
        return
    ladder = _module(task, "train").train(data, run)
    _module(task, "printing").print_verdicts(ladder)


@click.command()
@task_option
@data_option
@click.option("--run", type=_PATH, help="A finished run.  [default: RUNS_DIR/<task>/latest]")
def evaluate(task: str, data: Path | None, run: Path | None) -> None:
    """Print the ladder: every baseline and the model on the same orders."""
    data, run = data or default_data(), run or runs_of(task) / "latest"
    if task == BUY_AGAIN:
        print_ladder(evaluate_buy_again(data, run))
        return
    ladder = _module(task, "evaluate").evaluate(data, run)
    _module(task, "printing").print_ladder(ladder)


@click.command()
@task_option
@click.option("--run", type=_PATH, required=True, help="A finished run.")
@data_option
@click.option(
    "--context",
    type=click.Choice(CONTEXTS),
    help="Which model.  [default: order-start; pre-order in live mode]",
)
@click.option("--out", type=_PATH, required=True, help="Folder to write to.")
@click.option(
    "--decision",
    default=str(EXPECTED_F1),
    show_default=True,
    callback=lambda _context, _option, text: parse_decision(text),
    help="How baskets are chosen: expected-f1, top-10, threshold-0.21, precision-0.5.",
)
@click.option(
    "--carts",
    type=_PATH,
    help="Carts as CSV: next-in-cart answers them, discovery leaves out what lies in them.",
)
@click.option(
    "--only",
    type=click.Choice(["all", "new"]),
    default="all",
    show_default=True,
    help="Next-in-cart: new leaves out what the shopper bought before.",
)
@click.option(
    "--department",
    "departments",
    metavar="NAME",
    multiple=True,
    help="Discovery: recommend only products of this department; may be given several times.",
)
def predict(  # noqa: PLR0913, PLR0917 - click passes one argument per option
    task: str,
    run: Path,
    data: Path | None,
    context: Context | None,
    out: Path,
    decision: Decision,
    carts: Path | None,
    only: str,
    departments: tuple[str, ...],
) -> None:
    """Score the orders to come and decide their baskets; recommend new products; answer carts."""
    _refuse_options_of_others(
        task,
        {
            "context": (BUY_AGAIN,),
            "decision": (BUY_AGAIN,),
            "carts": (_NEXT_IN_CART, _DISCOVERY),
            "only": (_NEXT_IN_CART,),
            "departments": (_DISCOVERY,),
        },
    )
    if task == _NEXT_IN_CART and carts is None:
        raise click.UsageError(f"{task} answers carts: name their file with --carts.")
    # the lake's own predictions go back to it, where dbt finds them, unless they are a part
    is_whole = not (departments or carts)
    back = default_data().with_name("predictions") if is_whole and not data else None
    data = data or default_data()
    if task == BUY_AGAIN:
        predict_buy_again(run, data, context, out, decision)
    elif task == _DISCOVERY:
        _module(task, "predict").predict(run, data, out, back, departments=departments, carts=carts)
    else:
        _module(task, "predict").predict(run, data, carts, only, out)


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
def tune(task: str, data: Path | None, out: Path, minutes: float) -> None:
    """Search parameters on older windows, never on the one that models are judged on."""
    if task != BUY_AGAIN:
        raise click.UsageError(f"only {BUY_AGAIN} has parameters to search.")
    from ml.tasks.buy_again.tune import tune as tune_buy_again  # noqa: PLC0415 - slow to import

    tune_buy_again(data or default_data(), out, minutes)


@click.command()
@click.option("--run", type=_PATH, help="A finished run.  [default: the latest of every task]")
def report(run: Path | None) -> None:
    """Write report.html into the run's folder, or one page for all tasks into RUNS_DIR."""
    if run:
        click.echo(write_report([run], run / "report.html"))
        return
    runs = [runs_of(task) / "latest" for task in (BUY_AGAIN, *_PACKAGES)]
    finished = [latest for latest in runs if latest.exists()]
    if not finished:
        raise click.ClickException(
            f"{all_runs()} holds no run: make one with `python -m ml train`."
        )
    click.echo(write_report(finished, all_runs() / "report.html"))


@click.command()
@click.option("--run", type=_PATH, required=True, help="A finished run of next-in-cart.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, help="Port to listen on.")
def serve(run: Path, host: str, port: int) -> None:
    """Answer carts over HTTP, with a page to try it."""
    from ml.serve.server import serve as serve_run  # noqa: PLC0415 - slow to import

    serve_run(run, host, port)


def _refuse_options_of_others(task: str, owners: dict[str, tuple[str, ...]]) -> None:
    """Refuse options that the user gave for a task that does not know them."""
    context = click.get_current_context()
    for option in context.command.params:
        tasks = owners.get(option.name or "", (task,))
        given = context.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE
        if given and task not in tasks:
            raise click.UsageError(
                f"{option.opts[0]} is for {' and '.join(tasks)}: leave it out for {task}."
            )


def _module(task: str, name: str) -> ModuleType:
    return import_module(f"{_PACKAGES[task]}.{name}")

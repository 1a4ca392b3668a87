"""The commands that work on data.csv and on runs."""

from pathlib import Path

import click

from ml.buy_again.evaluate import evaluate as evaluate_buy_again
from ml.buy_again.predict import predict as predict_buy_again
from ml.buy_again.train import TASK
from ml.buy_again.train import train as train_buy_again
from ml.contract import CONTEXTS, Context
from ml.ladder_table import print_ladder, print_verdicts
from ml.paths import default_data, runs_of
from ml.report.page import write_report
from ml.runs import new_run

_PATH = click.Path(path_type=Path)

task_option = click.option(
    "--task", type=click.Choice([TASK]), default=TASK, show_default=True, help="What to predict."
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
def train(task: str, data: Path | None, run: Path | None) -> None:
    """Fit both contexts, judge them out of fold, write a run."""
    ladder = train_buy_again(data or default_data(), run or new_run(runs_of(task)))
    print_verdicts(ladder)


@click.command()
@task_option
@data_option
@click.option("--run", type=_PATH, help="A finished run.  [default: RUNS_DIR/<task>/latest]")
def evaluate(task: str, data: Path | None, run: Path | None) -> None:
    """Print the ladder: every baseline and the model on the same orders."""
    print_ladder(evaluate_buy_again(data or default_data(), run or runs_of(task) / "latest"))


@click.command()
@click.option("--run", type=_PATH, required=True, help="A finished run.")
@data_option
@click.option(
    "--context",
    type=click.Choice(CONTEXTS),
    help="Which model.  [default: order-start; pre-order in live mode]",
)
@click.option("--out", type=_PATH, required=True, help="Folder to write to.")
def predict(run: Path, data: Path | None, context: Context | None, out: Path) -> None:
    """Score the orders to come and decide their baskets."""
    predict_buy_again(run, data or default_data(), context, out)


@click.command()
@click.option("--run", type=_PATH, required=True, help="A finished run.")
def report(run: Path) -> None:
    """Write report.html into the run's folder."""
    click.echo(write_report(run))

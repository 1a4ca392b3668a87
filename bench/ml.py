"""Speed of the model's parts, and what training on more windows is worth."""

import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import click
import lightgbm as lgb
import numpy as np
import polars as pl
import pyarrow as pa
from rich.console import Console
from rich.table import Table

from bench.measure import run_measured
from ml.data.arrays import Floats
from ml.data.categories import CATEGORIES
from ml.data.contract import LABEL, feature_names
from ml.data.data_csv import Candidates
from ml.data.reading import DataFolder, open_data
from ml.fitting.boosting import FitParameters, boost, dataset, fit
from ml.fitting.parameter_files import write_parameters
from ml.judging.metrics import bootstrap, log_loss
from ml.tasks.buy_again.decision import decide
from ml.tasks.buy_again.judged_orders import JudgedOrders, choose_judged_orders
from ml.tasks.buy_again.parameters import RESAMPLES, SEED, parameters_for
from ml.tasks.buy_again.predictors import OutOfFold, model_prediction
from ml.tools.machine import cores, peak_memory_mb
from ml.tools.paths import default_data

TRAIN_ORDERS = 131_209  # of the Instacart 2017 data, with 65 candidates each on average
EFFECT_SD = 0.7

_data = click.option("--data", type=click.Path(path_type=Path), help="[default: LAKE_DIR/data.csv]")


@click.group()
def ml() -> None:
    """Measure the buy-again model."""


@ml.command()
@click.option("--orders", type=click.IntRange(min=1), default=TRAIN_ORDERS, show_default=True)
def decision(orders: int) -> None:
    """Decide invented orders of the real sizes, with and without the order effect."""
    random = np.random.default_rng(SEED)
    sizes = random.lognormal(3.84, 0.84, orders).astype(np.int64).clip(1, 700)
    order = np.repeat(np.arange(orders), sizes)
    probability = random.beta(0.45, 4.2, len(order)).clip(1e-4, 0.98)
    # compiled beforehand
    decide(order[:10], probability[:10], effect_sd=EFFECT_SD)
    table = _table(
        f"{orders:,} orders, {len(order):,} candidates, {cores()} threads",
        ("order effect", "seconds", "products per basket", "per set of Kaggle's"),
    )
    for effect_sd in (0.0, EFFECT_SD):
        begun = time.perf_counter()
        decided = decide(order, probability, effect_sd=effect_sd)
        seconds = time.perf_counter() - begun
        counts = (f"{one.sum() / orders:.2f}" for one in (decided.basket, decided.submitted))
        table.add_row(f"{effect_sd}", f"{seconds:.2f}", *counts)
    Console(width=100).print(table)


@ml.command("fit")
@_data
@click.option("--rounds", type=click.IntRange(min=1), default=50, show_default=True)
@click.option("--pairs", type=click.IntRange(min=1), default=3, show_default=True)
def fit_(data: Path | None, rounds: int, pairs: int) -> None:
    """Fit one fold's rows, against a bare lightgbm.train on the same matrix, in turns."""
    with tempfile.TemporaryDirectory() as scratch:
        begun = time.perf_counter()
        folder = open_data(data or default_data())
        labelled = folder.candidates("labelled", Path(scratch))
        reading = time.perf_counter() - begun
        evaluation = choose_judged_orders(folder, labelled)
        parameters = parameters_for(len(labelled))
        examples = evaluation.examples(labelled)
        names = feature_names(folder.contract, "order-start")
        rows = evaluation.fold != 0
        begun = time.perf_counter()
        binned = dataset(examples, names, parameters)
        binning = time.perf_counter() - begun
        own_peak = peak_memory_mb()
        matrix = lgb.Dataset(
            examples.features.table(names).filter(pa.array(rows)),
            label=examples.label[rows],
            params=parameters.lightgbm,
            categorical_feature=[name for name in names if name in CATEGORIES],
        ).construct()
        table = _table(
            f"{rows.sum():,} rows, {len(names)} features, {rounds} rounds; data.csv of"
            f" {folder.path.stat().st_size / 1e9:.2f} GB read in {reading:.1f} s, binned in"
            f" {binning:.1f} s, peak memory {own_peak / 1e3:.2f} GB",
            ("pair", "this project, s", "lightgbm.train, s", "ratio"),
        )
        for pair in range(pairs):
            begun = time.perf_counter()
            boost(binned, rows, parameters, rounds)
            own = time.perf_counter() - begun
            begun = time.perf_counter()
            lgb.train(parameters.lightgbm, matrix, rounds)
            bare = time.perf_counter() - begun
            table.add_row(str(pair + 1), f"{own:.2f}", f"{bare:.2f}", f"{own / bare:.3f}")
    Console(width=100).print(table)


@ml.command()
@_data
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="Rounds at which every fit is cut off; memory does not depend on them.",
)
def train(data: Path | None, rounds: int) -> None:
    """Measure a whole training run: both contexts, every fold, all that a run's folder holds."""
    data = (data or default_data()).resolve()
    rows = pl.scan_csv(data, glob=False).select(pl.col(LABEL).count()).collect().item()
    with tempfile.TemporaryDirectory() as scratch:
        parameters = Path(scratch) / "parameters.json"
        write_parameters(parameters, replace(parameters_for(rows), most_rounds=rounds), {})
        run = Path(scratch) / "runs" / "run"
        options = ["--data", str(data), "--run", str(run), "--parameters", str(parameters)]
        measured = run_measured([sys.executable, "-m", "ml", "train", *options], {})
    table = _table(
        f"data.csv of {data.stat().st_size / 1e9:.2f} GB, {rounds} rounds a fit",
        ("labelled rows", "seconds", "peak memory, GB"),
    )
    table.add_row(f"{rows:,}", f"{measured.seconds:.0f}", f"{measured.memory_gb:.2f}")
    Console(width=100).print(table)


@ml.command()
@_data
def windows(data: Path | None) -> None:
    """Train on the newest 1, 2, 4, ... windows; every model is judged on the newest."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = open_data(data or default_data())
        labelled = folder.candidates("labelled", Path(scratch))
        last = int(labelled.orders_back.max()) + 1
        counts = [*(2**power for power in range(10) if 2**power < last), last]
        parameters = parameters_for(len(labelled))
        table = _table(
            "order-start context, out of fold; differences to one window with 95 % intervals",
            ("windows", "rows", "logloss", "difference", "F1 (Kaggle's form)", "difference"),
        )
        first: tuple[Floats, Floats] | None = None
        for count in counts:
            rows, losses, f1, logloss = _judge(folder, labelled, count, parameters)
            first = first or (losses, f1)
            change = bootstrap(
                np.stack([losses - first[0], f1 - first[1]], axis=1), RESAMPLES, SEED
            )
            table.add_row(
                str(count),
                f"{rows:,}",
                f"{logloss:.4f}",
                f"{change[0].mean:+.4f} [{change[0].low:+.4f}, {change[0].high:+.4f}]",
                f"{f1.mean():.4f}",
                f"{change[1].mean:+.4f} [{change[1].low:+.4f}, {change[1].high:+.4f}]",
            )
    Console(width=110).print(table)


def _judge(
    folder: DataFolder, candidates: Candidates, count: int, parameters: FitParameters
) -> tuple[int, Floats, Floats, float]:
    """Give the rows trained on, each order's part of the logloss, its F1, and the logloss."""
    used = candidates.where(candidates.orders_back < candidates.orders_back.min() + count)
    evaluation = choose_judged_orders(folder, used)
    fitted = fit(
        evaluation.examples(used),
        feature_names(folder.contract, "order-start"),
        parameters,
        title=f"{count} windows",
        with_final=False,
    )
    label, probability = evaluation.candidates.label, fitted.probability
    prediction = OutOfFold(probability, fitted.seconds)
    return (
        len(used),
        _losses(evaluation, label, probability),
        evaluation.f1(model_prediction(evaluation, "order-start", prediction).decided),
        log_loss(label, probability),
    )


def _losses(evaluation: JudgedOrders, label: Floats, probability: Floats) -> Floats:
    own = -np.log(np.where(label == 1, probability, 1 - probability))
    count = evaluation.orders.height
    summed = np.bincount(evaluation.order, weights=own, minlength=count).astype(np.float64)
    return summed * np.float64(count / len(label))


def _table(title: str, columns: tuple[str, ...]) -> Table:
    table = Table(title=title)
    for column in columns:
        table.add_column(column, justify="right")
    return table

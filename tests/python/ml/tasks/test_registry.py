"""The list of tasks: a fourth one takes one object and one folder, and no other line changes."""

import ast
import importlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
from click.testing import Result

from ml.data.tables import CANDIDATES, COLUMNS
from ml.lake.export import EXPORTED
from ml.tasks.registry import TASKS
from ml.tools.paths import ROOT

Ml = Callable[..., Result]

POPULARITY = '''
"""Popularity for everybody: the products with the most buyers."""

import time
from dataclasses import asdict

import click
import numpy as np
import polars as pl

from ml.data.reading import open_data
from ml.judging.comparison import Comparison, verdicts
from ml.judging.ladder import Ladder, Rung
from ml.judging.metrics import bootstrap
from ml.judging.printing import print_comparisons, print_measures, print_verdicts
from ml.report.page import Part
from ml.report.parts import ranking_tables
from ml.runs.run import check_fingerprint, read_run, write_records, write_run
from ml.tasks.task import Functions, Task

NAME = "popularity"
READS = ("target_orders", "baskets")
HIT = "hit@10"


def most_bought(data, length):
    buyers = data.baskets().group_by("product_id").agg(buyers=pl.col("user_id").n_unique())
    ranked = buyers.sort("buyers", "product_id", descending=[True, False]).collect()
    return ranked["product_id"].head(length).to_list()


def judge(data, listed):
    known = data.window_targets(0).filter("is_known").lazy()
    lines = data.baskets().join(known, on=["user_id", "order_number"], how="semi").collect()
    lowest = sorted(data.product_names())[:10]
    hits = lines.group_by("user_id", maintain_order=True).agg(
        pl.col("product_id").is_in(products).any().cast(pl.Float64).alias(name)
        for name, products in (("lowest", lowest), ("model", listed))
    ).drop("user_id").to_numpy()
    baseline, model, difference = bootstrap(
        np.column_stack([hits, hits[:, 1] - hits[:, 0]]), resamples=200, seed=1
    )
    rungs = [Rung("lowest ids", False, {HIT: baseline}, {}), Rung("model", True, {HIT: model}, {})]
    comparisons = [Comparison("lowest ids", HIT, difference)]
    judged = {"orders": len(hits)}
    return Ladder("hits", 0, judged, {}, 200, rungs, comparisons, verdicts(comparisons))


def train(data_path, run, *, length):
    begun = time.perf_counter()
    with write_run(run) as folder:
        data = open_data(data_path)
        listed = most_bought(data, length)
        ladder = judge(data, listed)
        records = {
            "features": {"task": NAME, "contract_hash": data.contract.hash},
            "data": {"fingerprint": data.fingerprint(READS)},
            "parameters": {"listed": listed},
            "metrics": {"ladder": asdict(ladder)},
        }
        write_records(folder, records, begun)
    return ladder


def evaluate(data_path, run_folder):
    run, data = read_run(run_folder, NAME), open_data(data_path)
    check_fingerprint(run, data.fingerprint(READS), data_path)
    return judge(data, run.parameters["listed"])


def predict(run_folder, data_path, out):
    run = read_run(run_folder, NAME)
    users = open_data(data_path).window_targets(0).select("user_id")
    out.mkdir(parents=True)
    products = pl.DataFrame({"product_id": run.parameters["listed"]})
    users.join(products, how="cross").write_parquet(out / "popular.parquet")


def print_ladder(ladder):
    print_measures(ladder, [HIT])
    print_comparisons(ladder.comparisons)
    print_verdicts(ladder)


def report(run):
    body = ranking_tables(run, "By hits.", [HIT])
    return Part(NAME, run.environment["trained_at"], "What everybody buys", "The same list.", body)


TASK = Task(
    name=NAME,
    reads=READS,
    writes=("popular.parquet",),
    load=lambda: Functions(train, evaluate, predict, print_ladder, report),
    train_options=(click.Option(["--length"], type=int, default=10, help="Products listed."),),
)
'''


@pytest.fixture
def fourth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put a fourth task into a folder of its own and onto the list."""
    folder = tmp_path / "toy_popularity"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "task.py").write_text(POPULARITY)
    monkeypatch.syspath_prepend(tmp_path)
    task = importlib.import_module("toy_popularity.task").TASK
    TASKS.append(task)
    yield
    TASKS.remove(task)
    del sys.modules["toy_popularity.task"], sys.modules["toy_popularity"]


@pytest.mark.usefixtures("fourth")
def test_a_fourth_task_is_trained_evaluated_predicted_and_reported(
    ml: Ml, shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNS_DIR", str(tmp_path / "runs"))
    assert ml("tasks").output.split() == [task.name for task in TASKS]
    assert TASKS[-1].name == "popularity"
    command = ("--task", "popularity", "--data", shop)
    result = ml("train", *command, "--length", 3)
    assert result.exit_code == 0, result.output
    run = tmp_path / "runs" / "popularity" / "latest"
    listed = json.loads((run / "parameters.json").read_text())["listed"]
    assert len(listed) == 3
    result = ml("evaluate", *command)
    assert result.exit_code == 0, result.output
    assert "lowest ids" in result.output
    result = ml("predict", *command, "--run", run, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    found = pl.read_parquet(tmp_path / "out" / "popular.parquet")
    assert set(found["product_id"]) == set(listed)
    refused = ml("gate", "--task", "popularity", "--run", run, "--out", tmp_path / "gate.json")
    assert "popularity has no gate: its runs always pass." in refused.output
    assert ml("report").exit_code == 0
    page = (tmp_path / "runs" / "report.html").read_text()
    assert "What everybody buys" in page
    refused = ml("train", "--data", shop, "--length", 3, "--run", tmp_path / "other")
    assert "--length is for popularity: leave it out for buy-again." in refused.output
    assert "Popularity: Products listed." in " ".join(ml("train", "--help").output.split())


def test_no_task_is_named_outside_its_folder_and_the_list() -> None:
    """Comments and prose may name tasks, code may not: it takes them from the list."""
    named = {
        str(path.relative_to(ROOT))
        for room in ("ml", "glue")
        for path in (ROOT / room).rglob("*.py")
        if "tasks" not in path.parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value in {task.name for task in TASKS}
    }
    assert not named
    assert not [task.name for task in TASKS if task.name in (ROOT / "Makefile").read_text()]


def test_tasks_read_what_is_exported_and_nothing_else() -> None:
    assert {name for task in TASKS for name in task.reads} == {CANDIDATES, *EXPORTED}
    assert set(COLUMNS) == set(EXPORTED)


def test_the_list_of_tasks_loads_none_of_them() -> None:
    """Makefile and cloud ask for it at every step."""
    code = (
        "import sys, ml.tasks.registry;"
        "print(sorted({'polars', 'lightgbm', 'numpy', 'numba'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"

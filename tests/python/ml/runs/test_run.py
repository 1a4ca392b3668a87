"""A run's folder: what it holds, whose it is, and which data it speaks of."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from shutil import copytree

import polars as pl
import pytest
from click.testing import Result

from ml.tasks.registry import TASKS
from ml.tools.hashes import write_hashes
from tests.python.ml.task_runs import copy_data

Ml = Callable[..., Result]
NAMES = [task.name for task in TASKS]
LIST_TASKS = ("discovery", "next-in-cart")
RECORDS = {"data", "environment", "examples", "features", "hashes", "metrics", "parameters"}
DISCOVERY_FILES = {
    *(f"{name}.json" for name in RECORDS),
    *(f"discovery-fold-{fold}.txt" for fold in range(5)),
    *("discovery.txt", "discovery-folds.parquet", "model_card.md", "out_of_fold.parquet"),
}
FILES = {
    "discovery": {*DISCOVERY_FILES, "scores.parquet"},
    "next-in-cart": {
        *DISCOVERY_FILES,
        *(f"{name}-fold-{fold}.txt" for name in ("buy-again", "ranker") for fold in range(5)),
        *("buy-again.txt", "buy-again-folds.parquet", "categories.json", "ranker.txt"),
        *("judged-state.npz", "state.npz"),
        *("products.parquet", "recommendations.parquet"),
    },
}
# what a run says of the time that it took
TIMED = {"environment.json", "hashes.json", "metrics.json", "model_card.md"}


@pytest.fixture
def runs(trained: Path, discovery_run: Path, next_run: Path) -> dict[str, Path]:
    """Give a finished run of each task."""
    return {"buy-again": trained, "discovery": discovery_run, "next-in-cart": next_run}


@pytest.mark.parametrize("task", NAMES)
def test_a_run_of_another_task_is_refused(
    ml: Ml, runs: dict[str, Path], data: Path, tmp_path: Path, task: str
) -> None:
    predict = ("predict", "--out", tmp_path / "out")
    for other in NAMES:
        for command in (("evaluate",), predict) if other != task else ():
            result = ml(*command, "--task", task, "--run", runs[other], "--data", data)
            assert result.exit_code == 1
            assert f"{runs[other]} is a run of {other}, not of {task}" in result.output
    assert not (tmp_path / "out").exists()


def test_only_next_in_cart_is_served(ml: Ml, runs: dict[str, Path]) -> None:
    for other in ("buy-again", "discovery"):
        result = ml("serve", "--run", runs[other])
        assert result.exit_code == 1
        assert f"is a run of {other}, not of next-in-cart" in result.output


@pytest.mark.parametrize("place", ["--run", "--live"])
def test_only_runs_of_buy_again_pass_its_gate(
    ml: Ml, runs: dict[str, Path], data: Path, tmp_path: Path, place: str
) -> None:
    named = dict.fromkeys(("--run", "--live"), runs["buy-again"]) | {place: runs["discovery"]}
    result = ml(
        *("gate", "--data", data, "--live-targets", data.with_name("target_orders.parquet")),
        *("--out", tmp_path / "out.json"),
        *(argument for pair in named.items() for argument in pair),
    )
    assert result.exit_code == 1
    assert "is a run of discovery, not of buy-again" in result.output


def test_there_is_no_report_of_an_unknown_task(ml: Ml, trained: Path, tmp_path: Path) -> None:
    run = copytree(trained, tmp_path / "run")
    features = json.loads((run / "features.json").read_text())
    (run / "features.json").write_text(json.dumps(features | {"task": "rain"}))
    write_hashes(run)
    result = ml("report", "--run", run)
    assert result.exit_code == 1
    assert "is a run of rain, and there is no such task: the tasks are buy-again" in result.output


def test_there_is_no_report_of_a_run_without_what_it_shows(
    ml: Ml, trained: Path, tmp_path: Path
) -> None:
    run = copytree(trained, tmp_path / "run")
    metrics = json.loads((run / "metrics.json").read_text())
    for rung in metrics["ladder"]["rungs"]:
        del rung["measures"]["basket F1"]
    (run / "metrics.json").write_text(json.dumps(metrics))
    write_hashes(run)
    result = ml("report", "--run", run)
    assert result.exit_code == 1
    assert "holds no basket F1, which the report shows" in result.output
    assert "train again" in result.output
    assert not (run / "report.html").exists()


def _command(task: str, command: str, run: Path, data: Path, out: Path) -> list[object]:
    asked: list[object] = [command, "--task", task, "--run", run, "--data", data]
    if command == "predict":
        asked += ["--out", out]
    return asked


@pytest.mark.parametrize(
    ("task", "command", "name"),
    [
        ("buy-again", "predict", "model-order-start.txt"),
        ("buy-again", "predict", "categories.json"),
        ("buy-again", "predict", "parameters.json"),
        ("buy-again", "evaluate", "out_of_fold.parquet"),
        ("discovery", "predict", "discovery-fold-1.txt"),
        ("discovery", "predict", "discovery-folds.parquet"),
        ("next-in-cart", "predict", "state.npz"),
        ("next-in-cart", "predict", "ranker.txt"),
        ("next-in-cart", "evaluate", "judged-state.npz"),
        ("next-in-cart", "evaluate", "ranker-fold-0.txt"),
    ],
)
def test_a_tampered_run_is_refused_before_the_file_is_read(  # noqa: PLR0913 - what is changed where
    ml: Ml,
    runs: dict[str, Path],
    shop: Path,
    data: Path,
    tmp_path: Path,
    *,
    task: str,
    command: str,
    name: str,
) -> None:
    run = copytree(runs[task], tmp_path / "run")
    content = (run / name).read_bytes()
    # a byte behind the end, which no reader of these files minds
    (run / name).write_bytes(content + b"\n")
    of_task = shop if task == "buy-again" else data
    result = ml(*_command(task, command, run, of_task, tmp_path / "out"))
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == (
        f"Error: {run / name} is not what training wrote (its sha256 is not the one in"
        " hashes.json): train again."
    )
    assert not list((tmp_path / "out").glob("*"))


@pytest.mark.parametrize("name", ["state.npz", "ranker.txt", "recommendations.parquet"])
def test_a_tampered_run_is_not_served(
    ml: Ml, runs: dict[str, Path], tmp_path: Path, name: str
) -> None:
    run = copytree(runs["next-in-cart"], tmp_path / "run")
    with (run / name).open("ab") as file:
        file.write(b"\n")
    result = ml("serve", "--run", run)
    assert result.exit_code == 1
    assert f"{run / name} is not what training wrote" in result.output


def test_a_file_that_was_put_into_a_run_is_refused(
    ml: Ml, runs: dict[str, Path], shop: Path, tmp_path: Path
) -> None:
    run = copytree(runs["buy-again"], tmp_path / "run")
    recorded = json.loads((run / "hashes.json").read_text())
    del recorded["model-order-start.txt"]
    (run / "hashes.json").write_text(json.dumps(recorded))
    result = ml(*_command("buy-again", "predict", run, shop, tmp_path / "out"))
    assert "model-order-start.txt is not what training wrote" in result.stderr


@pytest.mark.parametrize("damage", [None, "[]", '{"features.json'])
def test_a_run_without_hashes_is_refused(
    ml: Ml, runs: dict[str, Path], shop: Path, tmp_path: Path, damage: str | None
) -> None:
    """Such as one of before they were recorded."""
    run = copytree(runs["buy-again"], tmp_path / "run")
    (run / "hashes.json").unlink()
    if damage is not None:
        (run / "hashes.json").write_text(damage)
    result = ml(*_command("buy-again", "predict", run, shop, tmp_path / "out"))
    assert result.exit_code == 1
    told = "has no hashes.json" if damage is None else "hashes.json is damaged"
    assert told in result.stderr
    assert "train again" in result.stderr


@pytest.mark.parametrize("task", NAMES)
def test_every_file_of_a_run_is_recorded(runs: dict[str, Path], task: str) -> None:
    recorded = json.loads((runs[task] / "hashes.json").read_text())
    files = {path for path in runs[task].rglob("*") if path.is_file()}
    assert recorded == {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if path.name != "hashes.json"
    }


@pytest.mark.parametrize("task", LIST_TASKS)
def test_same_input_same_bytes(
    ml: Ml, runs: dict[str, Path], data: Path, tmp_path: Path, task: str
) -> None:
    again = tmp_path / "runs" / "again"
    result = ml("train", "--task", task, "--data", data, "--run", again)
    assert result.exit_code == 0, result.output
    assert {path.name for path in again.iterdir()} == FILES[task]
    for name in FILES[task] - TIMED:
        assert (again / name).read_bytes() == (runs[task] / name).read_bytes(), name
    ladders = [
        json.loads((run / "metrics.json").read_text())["ladder"] for run in (again, runs[task])
    ]
    for ladder in ladders:
        for name in ("milliseconds_p50", "milliseconds_p90"):
            ladder["figures"].pop(name, None)
    assert ladders[0] == ladders[1]


@pytest.mark.parametrize("task", LIST_TASKS)
def test_a_run_on_other_tables_is_not_evaluated(
    ml: Ml, runs: dict[str, Path], data: Path, tmp_path: Path, task: str
) -> None:
    copied = copy_data(data, tmp_path / "data")
    names = {path.stem for path in copied.parent.glob("*.parquet")}
    assert "product_neighbours" in names
    if task == "discovery":
        names -= {"product_neighbours"}  # which it does not read
    for name in names:
        path = copied.with_name(f"{name}.parquet")
        whole = path.read_bytes()
        # the last row is of the oldest window, or of the last shopper or product
        pl.read_parquet(path).head(-1).write_parquet(path)
        result = ml("evaluate", "--task", task, "--data", copied, "--run", runs[task])
        assert result.exit_code == 1, name
        assert "was trained on other data than" in result.stderr, name
        path.write_bytes(whole)


@pytest.mark.parametrize("task", LIST_TASKS)
def test_the_model_card_states_the_figures(runs: dict[str, Path], task: str) -> None:
    card = (runs[task] / "model_card.md").read_text()
    metrics = json.loads((runs[task] / "metrics.json").read_text())
    for rung in metrics["ladder"]["rungs"]:
        figures = " | ".join(
            f"{one['mean']:.4f} [{one['low']:.4f}, {one['high']:.4f}]"
            for one in rung["measures"].values()
        )
        assert f"| {rung['name']} | {figures} |" in card
    verdicts = metrics["ladder"]["verdicts"]
    assert verdicts
    assert all(f"- {verdict}" in card.splitlines() for verdict in verdicts)
    assert json.loads((runs[task] / "data.json").read_text())["fingerprint"] in card

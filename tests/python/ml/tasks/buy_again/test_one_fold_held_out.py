"""Of very many rows one fold is held out: what is fitted, judged, compared and handed on then."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner, Result

from ml.__main__ import cli
from ml.data.arrays import Floats, Integers
from ml.data.contract import feature_names
from ml.data.reading import open_data
from ml.fitting.boosting import fit
from ml.tasks.buy_again.judged_orders import choose_judged_orders
from ml.tasks.buy_again.parameters import FOLDS, FULL_DATA, folds_held_out
from ml.tasks.buy_again.predictors import OutOfFold, model_prediction
from ml.tasks.next_in_cart.state import load_state
from tests.python.ml.invented_shop import build_shop

QUICK = replace(FULL_DATA, lightgbm=FULL_DATA.lightgbm | {"min_data_in_leaf": 5}, most_rounds=30)


@pytest.fixture(scope="module")
def shop_of_windows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_shop(tmp_path_factory.mktemp("held-out-shop"), windows=2)


@pytest.fixture(scope="module")
def run(shop_of_windows: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a run on it, fitted as if it had millions of rows; no test may change it."""
    folder = tmp_path_factory.mktemp("runs") / "first"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ml.tasks.buy_again.train.folds_held_out", lambda _rows: 1)
        patch.setattr("ml.tasks.buy_again.train.parameters_for", lambda _rows: QUICK)
        result = CliRunner().invoke(
            cli, ["train", "--data", str(shop_of_windows), "--run", str(folder)]
        )
    assert result.exit_code == 0, result.output
    return folder


def test_few_rows_need_every_fold() -> None:
    assert folds_held_out(1_000_000) == FOLDS
    assert folds_held_out(8_000_000) == 1


def test_the_judged_are_the_first_fold_of_all(shop_of_windows: Path, tmp_path: Path) -> None:
    data = open_data(shop_of_windows)
    rows = data.candidates("labelled", tmp_path)
    everybody, some = (choose_judged_orders(data, rows, held_out) for held_out in (FOLDS, 1))
    first = everybody.folds.filter(fold=0)
    assert some.folds.equals(first)
    assert set(some.candidates.user_id) == set(
        everybody.candidates.user_id[everybody.row_fold == 0]
    )
    without_rows = set(some.orders["user_id"]) - set(some.candidates.user_id)
    assert without_rows <= set(everybody.orders["user_id"]) - set(everybody.candidates.user_id)
    assert (some.orders["user_id"].to_numpy()[some.order] == some.candidates.user_id).all()
    # what is fitted to the predictions still has other shoppers' to be fitted to
    assert set(some.row_part) == set(range(FOLDS))
    assert (everybody.row_part == everybody.row_fold).all()


def test_the_order_effect_is_estimated_on_other_shoppers(
    shop_of_windows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = open_data(shop_of_windows)
    evaluation = choose_judged_orders(data, data.candidates("labelled", tmp_path), 1)
    parts = [set(evaluation.order[evaluation.row_part == part]) for part in range(FOLDS)]
    asked: list[set[int]] = []

    def estimate(order: Integers, _probability: Floats, _label: Floats) -> float:
        asked.append(set(order))
        return 0.7

    monkeypatch.setattr("ml.tasks.buy_again.predictors.estimate_effect_sd", estimate)
    model_prediction(
        evaluation, "pre-order", OutOfFold(np.full(len(evaluation.candidates), 0.5), 0.0)
    )
    assert asked == [set().union(*parts) - part for part in parts]
    assert all(asked)


def test_labels_of_the_held_out_change_nothing_for_them(
    shop_of_windows: Path, tmp_path: Path
) -> None:
    data = open_data(shop_of_windows)
    rows = data.candidates("labelled", tmp_path)
    evaluation = choose_judged_orders(data, rows, 1)
    names = feature_names(data.contract, "pre-order")
    found = [
        fit(
            evaluation.examples(replace(rows, label=label)),
            names,
            QUICK,
            title="test",
            with_final=False,
        ).probability
        for label in (
            rows.label,
            np.where(evaluation.fold == 0, 1 - rows.label, rows.label),
            np.where(evaluation.fold == 0, rows.label, 1 - rows.label),
        )
    ]
    assert len(found[0]) == len(evaluation.candidates)
    np.testing.assert_array_equal(found[0], found[1])
    assert (found[0] != found[2]).all()


def test_a_run_has_one_model_of_a_fold_and_predictions_of_its_shoppers(
    run: Path, shop_of_windows: Path
) -> None:
    assert [path.name for path in run.glob("model-pre-order-fold-*.txt")] == [
        "model-pre-order-fold-0.txt"
    ]
    folds = pl.read_parquet(run / "folds.parquet", glob=False)
    assert set(folds["fold"]) == {0}
    held_out = set(folds["user_id"])
    assert set(pl.read_parquet(run / "out_of_fold.parquet", glob=False)["user_id"]) <= held_out
    chances = pl.read_parquet(run / "chances.parquet", glob=False)
    assert set(chances["orders_back"]) == {0, 1}
    assert chances["chance"].is_between(0, 1, closed="none").all()
    labelled = pl.read_csv(shop_of_windows).filter(pl.col("reordered").is_not_null())
    assert len(chances) == len(labelled.filter(pl.col("user_id").is_in(held_out)))


def test_evaluate_repeats_the_figures_of_the_run(
    ml: Callable[..., Result], run: Path, shop_of_windows: Path
) -> None:
    result = ml("evaluate", "--data", shop_of_windows, "--run", run)
    assert result.exit_code == 0, result.output
    ladder = json.loads((run / "metrics.json").read_text())["ladder"]
    for rung in ladder["rungs"]:
        assert f"{rung['measures']['F1']['mean']:.4f}" in result.stdout
    assert f"{ladder['judged']['orders']} orders of orders_back 0" in result.stdout


def test_the_gate_compares_orders_that_the_live_run_did_not_learn_from(
    ml: Callable[..., Result], run: Path, shop_of_windows: Path, tmp_path: Path
) -> None:
    """A run that held every fold out is judged on many orders that this one has learnt from."""
    result = ml("train", "--data", shop_of_windows, "--run", tmp_path / "new")
    assert result.exit_code == 0, result.output
    targets = shop_of_windows.with_name("target_orders.parquet")
    command = ["gate", "--data", shop_of_windows, "--live-targets", targets]
    compared = {}
    for name, new, live in (("fewer", run, run), ("more", tmp_path / "new", run)):
        out = tmp_path / f"{name}.json"
        ml(*command, "--run", new, "--live", live, "--out", out)
        compared[name] = json.loads(out.read_text())["live"]
    assert compared["fewer"]["live_value"] == compared["fewer"]["value"]
    rows = pl.read_parquet(run / "out_of_fold.parquet", glob=False)
    # of a shopper without rows there was nothing to learn
    assert compared["more"]["orders"] - rows["user_id"].n_unique() in {0, 1}
    assert compared["more"]["rows_new_to_live"] == 0
    assert compared["more"]["live_value"] == pytest.approx(compared["fewer"]["value"], abs=0.1)


def test_next_in_cart_learns_from_shoppers_whose_chances_are_known(
    monkeypatch: pytest.MonkeyPatch,
    ml: Callable[..., Result],
    data: Path,
    discovery_run: Path,
    tmp_path: Path,
) -> None:
    """Without chances a shopper of the other folds would pass for one who has bought nothing."""
    monkeypatch.setenv("RUNS_DIR", str(tmp_path))
    shutil.copytree(discovery_run.parent, tmp_path / "discovery", symlinks=True)
    monkeypatch.setattr("ml.tasks.buy_again.train.folds_held_out", lambda _rows: 1)
    monkeypatch.setattr("ml.tasks.buy_again.train.parameters_for", lambda _rows: QUICK)
    for task in ("buy-again", "next-in-cart"):
        result = ml("train", "--task", task, "--data", data)
        assert result.exit_code == 0, result.output
    assert "buy-again is taken from" in result.output
    rows = pl.scan_csv(data, glob=False).filter(pl.col("orders_back") == 0).select("user_id")
    with_rows = set(rows.collect()["user_id"])
    run = tmp_path / "next-in-cart" / "latest"
    judged = set(load_state(run / "judged-state.npz").users.tolist())
    chances = pl.read_parquet(tmp_path / "buy-again/latest/chances.parquet", glob=False)
    known = set(chances.filter(orders_back=0)["user_id"])
    assert judged & with_rows <= known
    assert len(judged & known) > 10

"""Training: what a run holds, that it learns habits and nothing else, that it repeats itself."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import polars as pl
import pytest
from click.testing import Result

from ml.data.arrays import Floats
from ml.data.contract import Context, feature_names
from ml.data.data_csv import Candidates
from ml.data.reading import DataFolder, open_data
from ml.fitting.boosting import FitParameters, fit
from ml.fitting.folds import hold_out
from ml.fitting.nothing_to_learn import NothingToLearn
from ml.fitting.parameter_files import write_parameters
from ml.judging.metrics import auc, order_f1
from ml.tasks.buy_again.decision import decide
from ml.tasks.buy_again.judged_orders import JudgedOrders, choose_judged_orders
from ml.tasks.buy_again.parameters import FULL_DATA, MEDIUM_DATA, SMALL_DATA, parameters_for
from ml.tools.machine import cores
from tests.python.ml.invented_shop import build_shop

QUICK = replace(SMALL_DATA, lightgbm=SMALL_DATA.lightgbm | {"min_data_in_leaf": 5}, most_rounds=30)
QUICK_MEDIUM = replace(
    MEDIUM_DATA, lightgbm=MEDIUM_DATA.lightgbm | {"min_data_in_leaf": 5}, most_rounds=30
)


def out_of_fold(
    data: DataFolder, rows: Candidates, evaluation: JudgedOrders, context: Context = "pre-order"
) -> Floats:
    """Fit quickly and give the out-of-fold probabilities."""
    fitted = fit(
        evaluation.examples(rows),
        feature_names(data.contract, context),
        QUICK,
        title="test",
        with_final=False,
    )
    return fitted.probability


def test_files_of_a_run(trained: Path) -> None:
    assert sorted(path.name for path in trained.iterdir()) == [
        "categories.json",
        "chances.parquet",
        "data.json",
        "environment.json",
        "examples.json",
        "features.json",
        "folds.parquet",
        "hashes.json",
        "metrics.json",
        "model-order-start.txt",
        *(f"model-pre-order-fold-{fold}.txt" for fold in range(5)),
        "model-pre-order.txt",
        "model_card.md",
        "out_of_fold.parquet",
        "parameters.json",
    ]
    assert (trained.parent / "latest").resolve() == trained
    assert not list(trained.parent.glob(".*")), "the temporary folder is still there"


def test_the_model_finds_the_habits(trained: Path) -> None:
    ladder = json.loads((trained / "metrics.json").read_text())["ladder"]
    for rung in ladder["rungs"][-2:]:
        assert rung["is_model"]
        assert rung["figures"]["auc"] > 0.75
        assert rung["measures"]["F1"]["low"] > 0.6
        assert rung["figures"]["recall_10_repeat"] > 0.9


def test_out_of_fold_predictions_and_folds_belong_together(trained: Path, shop: Path) -> None:
    rows = pl.read_parquet(trained / "out_of_fold.parquet", glob=False)
    folds = pl.read_parquet(trained / "folds.parquet", glob=False)
    labelled = pl.read_csv(shop).filter(pl.col("reordered").is_not_null())
    assert rows.select("user_id", "product_id", "reordered").equals(
        labelled.select("user_id", "product_id", pl.col("reordered").cast(pl.Int8))
    )
    assert folds["user_id"].is_unique().all()
    assert set(folds["fold"]) == {0, 1, 2, 3, 4}
    joined = rows.join(folds, on="user_id", suffix="_of_user")
    assert len(joined) == len(rows)
    assert (joined["fold"] == joined["fold_of_user"]).all()
    for context in ("order-start", "pre-order"):
        assert rows[context].is_between(0, 1, closed="none").all()


def test_the_pre_order_model_does_not_read_the_order_to_come(trained: Path) -> None:
    features = json.loads((trained / "features.json").read_text())
    start, pre = (features["contexts"][context] for context in ("order-start", "pre-order"))
    assert set(start) - set(pre) == {
        "order_dow",
        "order_hour_of_day",
        "days_since_prior_order",
    }
    assert "order_number" in pre
    for context, names in features["contexts"].items():
        booster = lgb.Booster(model_file=trained / f"model-{context}.txt")
        assert booster.feature_name() == names


def test_labels_of_held_out_shoppers_change_nothing_for_them(tmp_path: Path) -> None:
    data = open_data(build_shop(tmp_path, windows=3))
    rows = data.candidates("labelled", tmp_path)
    evaluation = choose_judged_orders(data, rows)
    is_held_out = evaluation.fold == 2
    # the labels of all their windows, those before the evaluated one too
    flipped = np.where(is_held_out, 1 - rows.label, rows.label)
    assert len(np.unique(rows.orders_back[is_held_out])) == 3
    before = out_of_fold(data, rows, evaluation)
    after = out_of_fold(data, replace(rows, label=flipped), evaluation)
    judged = is_held_out[evaluation.is_evaluated]
    np.testing.assert_array_equal(before[judged], after[judged])
    assert (before[~judged] != after[~judged]).all()


def test_no_shopper_is_in_two_folds(trained: Path) -> None:
    folds = pl.read_parquet(trained / "folds.parquet", glob=False)
    parts = [set(folds.filter(fold=fold)["user_id"]) for fold in range(5)]
    assert sum(len(part) for part in parts) == len(set().union(*parts)) == folds.height


def test_older_windows_train_and_are_not_judged(tmp_path: Path) -> None:
    data = open_data(build_shop(tmp_path, windows=3))
    rows = data.candidates("labelled", tmp_path)
    evaluation = choose_judged_orders(data, rows)
    assert evaluation.window == 0
    assert set(evaluation.candidates.orders_back) == {0}
    # shoppers with a test order have no label in window 0: they are dealt out by themselves
    targets = pl.read_parquet(tmp_path / "target_orders.parquet")
    tests = set(targets.filter(eval_set="test")["user_id"]) - {2}
    others = evaluation.folds.filter(pl.col("user_id").is_in(tests))
    assert set(others["user_id"]) == tests
    for folds in (others["fold"], evaluation.folds.filter(~pl.col("user_id").is_in(tests))["fold"]):
        sizes = np.bincount(folds.to_numpy())
        assert len(sizes) == 5
        assert np.ptp(sizes) <= 1
    newest = rows.where(evaluation.is_evaluated)
    with_older = out_of_fold(data, rows, evaluation)
    without = out_of_fold(data, newest, choose_judged_orders(data, newest))
    assert len(with_older) == len(without) == len(newest)
    assert (with_older != without).any()


def test_final_model_stops_by_newest_orders_of_shoppers_whose_older_ones_train(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = open_data(build_shop(tmp_path, windows=3))
    rows_of_shop = data.candidates("labelled", tmp_path)
    evaluation = choose_judged_orders(data, rows_of_shop)
    real = lgb.train
    calls = []

    def record(
        parameters: dict[str, object],
        rows: lgb.Dataset,
        rounds: int,
        **options: Any,  # noqa: ANN401 - passed on
    ) -> lgb.Booster:
        booster = real(parameters, rows, rounds, **options)
        judges = [one.num_data() for one in options.get("valid_sets", [])]
        calls.append((rows.num_data(), judges, rounds, booster.best_iteration))
        return booster

    monkeypatch.setattr("ml.fitting.boosting.lgb.train", record)
    names = feature_names(data.contract, "order-start")
    fitted = fit(evaluation.examples(rows_of_shop), names, QUICK, title="test")
    shoppers = np.unique(evaluation.candidates.user_id)
    half = hold_out(shoppers, 0.5)
    assert len(half) == round(len(shoppers) / 2)
    newest = int(np.isin(evaluation.candidates.user_id, half).sum())
    every = len(rows_of_shop)
    ((*_, best),) = [call for call in calls if call[:2] == (every - newest, [newest])]
    ((*_, rounds, _),) = [call for call in calls if call[:2] == (every, [])]
    assert rounds == best
    assert fitted.booster().num_trees() == best


def test_without_older_windows_the_final_model_has_the_median_rounds(
    trained: Path,
) -> None:
    used = json.loads((trained / "parameters.json").read_text())
    assert json.loads((trained / "data.json").read_text())["windows_used"] == [0]
    for context, rounds in used["rounds"].items():
        assert rounds == np.median(used["fold_rounds"][context])


def test_shuffled_labels_cannot_be_predicted(tmp_path: Path) -> None:
    data = open_data(build_shop(tmp_path, users=300))
    rows = data.candidates("labelled", tmp_path)
    random = np.random.default_rng(7)
    shuffled = random.permutation(rows.label)
    rows = replace(rows, label=shuffled)
    evaluation = choose_judged_orders(data, rows)
    probability = out_of_fold(data, rows, evaluation, "order-start")
    assert auc(shuffled, probability) == pytest.approx(0.5, abs=0.05)
    # baskets chosen by chances that are dealt out anew are as good
    count = evaluation.orders.height
    bought = np.bincount(evaluation.order[shuffled == 1], minlength=count)

    def mean_f1(chances: Floats) -> float:
        chosen = decide(evaluation.order, chances).basket
        hits = np.bincount(evaluation.order[chosen & (shuffled == 1)], minlength=count)
        predicted = np.bincount(evaluation.order[chosen], minlength=count)
        return float(order_f1(hits, predicted, bought).mean())

    chance = np.mean([mean_f1(random.permutation(probability)) for _ in range(10)])
    assert mean_f1(probability) == pytest.approx(chance, abs=0.03)


def test_an_interrupted_run_goes_on_and_ends_with_the_same_bytes(
    ml: Callable[..., Result],
    trained: Path,
    shop: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runs = tmp_path / "runs"
    real = lgb.train
    calls = count(1)

    def stop_at_the_ninth(*arguments: Any, **options: Any) -> lgb.Booster:  # noqa: ANN401 - passed on
        if next(calls) == 9:
            raise KeyboardInterrupt
        return real(*arguments, **options)

    monkeypatch.setattr("ml.fitting.boosting.lgb.train", stop_at_the_ninth)
    ml("train", "--data", shop, "--run", runs / "first")
    monkeypatch.setattr("ml.fitting.boosting.lgb.train", real)
    (hidden,) = runs.iterdir()
    kept = len(list(hidden.iterdir()))
    # three pairs, five folds and the final model of the first context, the pairs of the second, and
    # of its folds those that were finished, without the third
    assert 12 <= kept <= 16
    result = ml("train", "--data", shop, "--run", runs / "second")
    assert result.exit_code == 0, result.output
    assert result.stderr.count("taken from the run that was interrupted") == kept
    assert sorted(path.name for path in runs.iterdir()) == ["latest", "second"]
    models = ("model-order-start.txt", "model-pre-order.txt")
    for name in (*models, "out_of_fold.parquet", "examples.json"):
        assert (runs / "second" / name).read_bytes() == (trained / name).read_bytes(), name


def test_memory_that_is_too_small_leaves_out_old_windows(
    ml: Callable[..., Result], tmp_path: Path
) -> None:
    data = build_shop(tmp_path / "shop", users=200, windows=3)
    run = tmp_path / "runs" / "x"
    # 600 MB are kept for the process itself
    allowed = ["--memory", "600.32MB"]
    result = ml("train", "--data", data, "--run", run, *allowed)
    assert result.exit_code == 0, result.output
    assert "the newest 2 are used" in " ".join(result.stderr.split())
    assert json.loads((run / "data.json").read_text())["windows_used"] == [0, 1]
    result = ml("train", "--data", data, "--run", tmp_path / "runs" / "y", "--memory", "400MB")
    assert result.exit_code == 1
    assert "the newest window alone needs about" in " ".join(result.stderr.split())
    result = ml("train", "--data", data, "--run", tmp_path / "runs" / "y", "--memory", "much")
    assert result.exit_code == 2
    assert "'much' is no amount of memory" in result.stderr


def test_parameters_from_a_file(ml: Callable[..., Result], shop: Path, tmp_path: Path) -> None:
    path = tmp_path / "tuned.json"
    write_parameters(path, QUICK, {})
    run = tmp_path / "runs" / "x"
    assert ml("train", "--data", shop, "--run", run, "--parameters", path).exit_code == 0
    used = json.loads((run / "parameters.json").read_text())
    assert used["most_rounds"] == 30
    assert used["lightgbm"]["min_data_in_leaf"] == 5
    path.write_text("{}")
    result = ml("train", "--data", shop, "--run", tmp_path / "y", "--parameters", path)
    assert result.exit_code == 1
    assert "tuned.json is no file of fitting parameters" in result.stderr


# binds the process before anything counts its cores
BOUND = """
import os, sys
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(sys.argv.pop(1))])
from ml.__main__ import cli
cli()
"""


@pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity") or cores() < 2,
    reason="needs two cores, and a system that binds processes to them",
)
@pytest.mark.parametrize("parameters", [QUICK, QUICK_MEDIUM], ids=["small", "medium"])
def test_same_input_same_bytes_on_any_number_of_cores(
    shop: Path, tmp_path: Path, parameters: FitParameters
) -> None:
    write_parameters(tmp_path / "parameters.json", parameters, {})
    for bound_to in ("1", "2"):
        run, out = tmp_path / bound_to / "run", tmp_path / bound_to / "out"
        for arguments in (
            ["train", "--data", shop, "--run", run, "--parameters", tmp_path / "parameters.json"],
            ["predict", "--data", shop, "--run", run, "--out", out],
        ):
            subprocess.run(
                [sys.executable, "-c", BOUND, bound_to, *map(str, arguments)],
                check=True,
                capture_output=True,
            )
    for name in (
        "run/model-order-start.txt",
        "run/model-pre-order.txt",
        "run/out_of_fold.parquet",
        "run/folds.parquet",
        "run/examples.json",
        "run/parameters.json",
        "out/baskets.csv",
        "out/submission.csv",
        "out/scores.parquet",
    ):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes(), name


def test_more_data_gets_larger_trees() -> None:
    assert parameters_for(200_000) == SMALL_DATA
    assert parameters_for(700_000) == SMALL_DATA
    # leaves of a few hundred rows are small
    assert [parameters_for(rows).lightgbm["min_data_in_leaf"] for rows in (200, 20_000)] == [5, 40]
    assert parameters_for(2_000_000) is MEDIUM_DATA
    assert parameters_for(8_500_000) is FULL_DATA


def test_a_failed_run_leaves_nothing_and_latest_as_it_was(
    ml: Callable[..., Result], own_shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = tmp_path / "runs"
    (runs / "good").mkdir(parents=True)
    (runs / "latest").symlink_to("good")

    def fail(*_: object) -> None:
        # so late that everything else is written
        raise OSError("disk full")

    monkeypatch.setattr("ml.tasks.buy_again.train.write_model_card", fail)
    result = ml("train", "--data", own_shop, "--run", runs / "bad")
    assert result.exit_code == 1
    shown = sorted(path.name for path in runs.iterdir() if not path.name.startswith(".fits-"))
    assert shown == ["good", "latest"]
    assert (runs / "latest").readlink() == Path("good")


def test_a_run_is_never_overwritten(ml: Callable[..., Result], trained: Path, shop: Path) -> None:
    result = ml("train", "--data", shop, "--run", trained)
    assert result.exit_code == 1
    assert "is there already" in result.stderr


def test_latest_that_is_no_link_is_left_alone(
    ml: Callable[..., Result], shop: Path, tmp_path: Path
) -> None:
    (tmp_path / "latest").mkdir()
    result = ml("train", "--data", shop, "--run", tmp_path / "new")
    assert result.exit_code == 1
    assert "latest is not a link" in result.stderr


def test_default_paths_come_from_the_environment(
    ml: Callable[..., Result], own_shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKE_DIR", str(own_shop.parent))
    monkeypatch.setenv("RUNS_DIR", str(tmp_path / "all"))
    assert ml("train").exit_code == 0
    (run,) = (path for path in (tmp_path / "all" / "buy-again").iterdir() if not path.is_symlink())
    assert (run.parent / "latest").resolve() == run
    assert ml("evaluate").exit_code == 0


def test_shop_without_any_label(ml: Callable[..., Result], tmp_path: Path) -> None:
    data = build_shop(tmp_path / "shop", mode="live", windows=1)
    result = ml("train", "--data", data, "--run", tmp_path / "runs" / "x")
    assert result.exit_code == NothingToLearn.exit_code
    assert "data.csv has no label: there is nothing to learn from" in result.stderr


@pytest.mark.parametrize(("users", "shoppers"), [(1, 1), (5, 4)])
def test_fewer_shoppers_than_folds(
    ml: Callable[..., Result],
    tmp_path: Path,
    users: int,
    shoppers: int,
) -> None:
    data = build_shop(tmp_path / "shop", users=users)
    result = ml("train", "--data", data, "--run", tmp_path / "runs" / "x")
    assert result.exit_code == NothingToLearn.exit_code
    assert f"only {shoppers} shoppers" in result.stderr


def test_labels_that_are_all_the_same(
    ml: Callable[..., Result], own_shop: Path, tmp_path: Path
) -> None:
    pl.read_csv(own_shop, infer_schema=False).with_columns(
        pl.col("reordered").replace("1", "0")
    ).write_csv(own_shop)
    baskets = own_shop.with_name("baskets.parquet")
    pl.read_parquet(baskets).with_columns(reordered=pl.lit(0)).write_parquet(baskets)
    result = ml("train", "--data", own_shop, "--run", tmp_path / "runs" / "x")
    assert result.exit_code == NothingToLearn.exit_code
    assert "every label of orders_back 0 is 0" in result.stderr


def test_a_column_without_any_value_is_named(
    ml: Callable[..., Result], own_shop: Path, tmp_path: Path
) -> None:
    pl.read_csv(own_shop, infer_schema=False).with_columns(
        user_reorder_ratio=pl.lit(None)
    ).write_csv(own_shop)
    result = ml("train", "--data", own_shop, "--run", tmp_path / "runs" / "x")
    assert result.exit_code == 0
    assert "column user_reorder_ratio has no value" in result.stderr


def test_products_without_names_are_shown_by_id(
    ml: Callable[..., Result], own_shop: Path, tmp_path: Path
) -> None:
    products = own_shop.with_name("products.parquet")
    pl.read_parquet(products).clear().write_parquet(products)
    run = tmp_path / "runs" / "x"
    assert ml("train", "--data", own_shop, "--run", run).exit_code == 0
    shopper = json.loads((run / "examples.json").read_text())["shoppers"][0]
    assert re.fullmatch(r"product \d+", shopper["products"][0]["name"])


def test_the_model_card_states_the_figures(trained: Path) -> None:
    card = (trained / "model_card.md").read_text()
    metrics = json.loads((trained / "metrics.json").read_text())
    for rung in metrics["ladder"]["rungs"]:
        assert (
            f"| {rung['name']} | {rung['context']} | {rung['measures']['F1']['mean']:.4f} [" in card
        )
    for verdict in metrics["ladder"]["verdicts"]:
        assert verdict in card
    assert json.loads((trained / "data.json").read_text())["fingerprint"] in card


@pytest.mark.parametrize("train_orders", [2, 5])
def test_a_newest_window_with_few_train_orders_is_not_judged(
    ml: Callable[..., Result], tmp_path: Path, train_orders: int
) -> None:
    # the first train order is that of a shopper without any other
    data = build_shop(tmp_path / "shop", windows=3, train_orders=train_orders)
    run, out = tmp_path / "runs" / "x", tmp_path / "out"
    result = ml("train", "--data", data, "--run", run)
    assert result.exit_code == 0, result.output
    assert json.loads((run / "metrics.json").read_text())["ladder"]["window"] == 1
    assert json.loads((run / "data.json").read_text())["windows_used"] == [1, 2]
    result = ml("evaluate", "--data", data, "--run", run)
    assert "orders of orders_back 1" in result.stdout
    assert ml("predict", "--data", data, "--run", run, "--out", out).exit_code == 0
    targets = pl.read_parquet(data.with_name("target_orders.parquet")).filter(orders_back=0)
    assert pl.read_csv(out / "submission.csv").height == targets.height - train_orders


def test_a_newest_window_with_one_kind_of_label_is_not_judged(tmp_path: Path) -> None:
    data = open_data(build_shop(tmp_path, windows=2))
    rows = data.candidates("labelled", tmp_path)
    label = np.where(rows.orders_back == 0, 0.0, rows.label)
    evaluation = choose_judged_orders(data, replace(rows, label=label))
    assert evaluation.window == 1
    examples = evaluation.examples(rows)
    assert len(examples.label) == len(examples.features) == (rows.orders_back == 1).sum()

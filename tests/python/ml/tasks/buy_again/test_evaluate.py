"""The ladder: its figures, its words, and which run it speaks of."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import Result

from ml.data.contract import CONTEXTS, Context
from ml.data.reading import open_data
from ml.judging.comparison import Comparison
from ml.judging.metrics import Interval
from ml.tasks.buy_again.decision import Decided
from ml.tasks.buy_again.judged_orders import choose_judged_orders
from ml.tasks.buy_again.ladder import (
    BASKET_F1,
    F1,
    Evaluated,
    evaluate_predictors,
    f1_verdicts,
    main_comparisons,
)
from ml.tasks.buy_again.predictors import OutOfFold
from tests.python.ml.invented_shop import build_shop


def test_prints_the_figures_of_the_run(
    ml: Callable[..., Result], trained: Path, shop: Path
) -> None:
    result = ml("evaluate", "--data", shop, "--run", trained)
    assert result.exit_code == 0
    metrics = json.loads((trained / "metrics.json").read_text())
    rungs = metrics["ladder"]["rungs"]
    assert [(rung["name"], rung["context"]) for rung in rungs] == [
        ("last basket", "pre-order"),
        ("personal frequency", "pre-order"),
        ("recency decay 0.85", "pre-order"),
        ("TIFU-KNN", "pre-order"),
        ("UP-CF", "pre-order"),
        ("original recipe", "order-start"),
        ("model", "order-start"),
        ("model", "pre-order"),
    ]
    lines = result.stdout.splitlines()
    for rung in rungs:
        line, lists = (
            line
            for line in lines
            if line.startswith(f"{rung['name']} ") and f" {rung['context']} " in line
        )
        for measure in ("recall_10", "recall_20", "ndcg_10", "hit_10", "recall_10_repeat"):
            assert f"{rung['figures'][measure]:.4f}" in lists
        f1 = rung["measures"]["F1"]
        assert f"{f1['mean']:.4f}" in line
        basket = rung["measures"]["basket F1"]["mean"]
        assert f" {f1['low']:.3f}-{f1['high']:.3f}  {basket:.4f} " in line
        if rung["name"] != "last basket":
            for figure in ("logloss", "auc", "calibration_error"):
                assert f"{rung['figures'][figure]:.4f}" in line
    for comparison in metrics["ladder"]["comparisons"]:
        ends = comparison["difference"]
        (line,) = (
            line.rstrip()
            for line in lines
            if line.startswith(f"{comparison['context']} ")
            and f" {comparison['baseline']} " in line
            # two blanks: "basket F1" ends like "F1"
            and f"  {comparison['measure']} " in line
            and f"{ends['low']:+.4f} to {ends['high']:+.4f}" in line
        )
        assert line.split("  ")[-1].strip() == comparison["verdict"]
    assert [line.rstrip() for line in lines[-4:]] == metrics["ladder"]["verdicts"]


def test_a_terminal_gets_a_table_with_lines(
    ml: Callable[..., Result], trained: Path, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = ml("evaluate", "--data", shop, "--run", trained).stdout
    monkeypatch.setenv("FORCE_COLOR", "1")
    drawn = ml("evaluate", "--data", shop, "--run", trained).stdout
    assert "────" not in plain
    assert "────" in drawn


def test_a_run_on_other_data_is_not_evaluated(
    ml: Callable[..., Result], trained: Path, tmp_path: Path
) -> None:
    other = build_shop(tmp_path, seed=2)
    result = ml("evaluate", "--data", other, "--run", trained)
    assert result.exit_code == 1
    assert "was trained on other data than" in result.stderr
    assert "train first" in result.stderr


def test_without_a_run(
    ml: Callable[..., Result], shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNS_DIR", str(tmp_path))
    result = ml("evaluate", "--data", shop)
    assert result.exit_code == 1
    assert "buy-again/latest is not a finished run" in result.stderr


def perfect(data: Path) -> tuple[Evaluated, int]:
    """Judge a model that knows the truth; also give the number of judged orders."""
    folder = open_data(data)
    evaluation = choose_judged_orders(folder, folder.candidates("labelled"))
    truth = np.clip(evaluation.candidates.label, 1e-9, 1 - 1e-9)
    predictions: dict[Context, OutOfFold] = {
        context: OutOfFold(truth, seconds=1.0) for context in CONTEXTS
    }
    original = OutOfFold(np.full(len(truth), 0.01), seconds=1.0)
    evaluated = evaluate_predictors(folder, evaluation, original, predictions)
    return evaluated, evaluation.orders.height


def test_a_model_that_knows_the_truth_gets_full_marks(shop: Path) -> None:
    ladder = perfect(shop)[0].ladder
    for rung in ladder.rungs[-2:]:
        assert rung.is_model
        assert rung.measures[F1] == rung.measures[BASKET_F1] == Interval(1, 1, 1)
        assert rung.figures["auc"] == 1
        assert rung.figures["logloss"] == pytest.approx(0, abs=1e-6)
    assert not any(rung.is_model for rung in ladder.rungs[:-2])
    in_f1 = [one for one in ladder.comparisons if one.measure == F1]
    in_basket_f1 = [one for one in ladder.comparisons if one.measure == BASKET_F1]
    assert all(one.verdict == "better" for one in in_f1 + in_basket_f1)
    assert {one.baseline for one in in_f1} == {rung.name for rung in ladder.rungs[:-2]}
    assert {one.baseline for one in in_basket_f1} == {"recency decay 0.85", "original recipe"}
    assert len(ladder.verdicts) == 4
    assert all("the model is better than" in verdict for verdict in ladder.verdicts)


def test_a_verdict_for_each_place_of_zero(shop: Path, tmp_path: Path) -> None:
    folder = open_data(shop)
    evaluation = choose_judged_orders(folder, folder.candidates("labelled", tmp_path))
    rate = evaluation.candidates.columns().table(["up_order_rate"])["up_order_rate"].to_numpy()
    predictions: dict[Context, OutOfFold] = {
        "order-start": OutOfFold(np.clip(rate, 0.01, 0.99), seconds=1.0),
        "pre-order": OutOfFold(np.full(len(rate), 0.01), seconds=1.0),
    }
    original = OutOfFold(np.full(len(rate), 0.01), seconds=1.0)
    ladder = evaluate_predictors(folder, evaluation, original, predictions).ladder
    comparisons = ladder.comparisons
    words = {(True, True): "better", (False, True): "not proven", (False, False): "worse"}
    signs = [(one.difference.low > 0, one.difference.high >= 0) for one in comparisons]
    assert set(signs) >= {(False, False), (False, True)}
    assert [one.verdict for one in comparisons] == [words[sign] for sign in signs]


def test_orders_of_shoppers_without_candidates_count(shop: Path) -> None:
    targets = pl.read_parquet(shop.with_name("target_orders.parquet"))
    labelled = targets.filter(eval_set="train").height
    with_rows = pl.read_csv(shop).filter(pl.col("reordered").is_not_null())["user_id"].n_unique()
    _, orders = perfect(shop)
    # user 1 has no earlier order
    assert orders == labelled == with_rows + 1


def test_last_basket_by_hand(shop: Path) -> None:
    ladder = perfect(shop)[0].ladder
    rows = pl.read_csv(shop).filter(pl.col("reordered").is_not_null())
    is_last = pl.col("up_orders_since_last_order") == 0
    f1 = rows.group_by("user_id").agg(
        f1=2
        * (is_last & (pl.col("reordered") == 1)).sum()
        / (is_last.sum() + pl.col("reordered").sum())
    )["f1"]
    # user 1 has nothing to buy again and is told None
    assert ladder.rungs[0].measures[F1].mean == pytest.approx((f1.sum() + 1) / (len(f1) + 1))


def test_a_train_order_without_lines_is_not_judged(own_shop: Path) -> None:
    _, before = perfect(own_shop)
    targets = pl.read_parquet(own_shop.with_name("target_orders.parquet"))
    order = targets.filter(user_id=8)["order_id"][0]
    assert targets.filter(user_id=8)["eval_set"][0] == "train"
    baskets = own_shop.with_name("baskets.parquet")
    pl.read_parquet(baskets).filter(pl.col("order_id") != order).write_parquet(baskets)
    rows = pl.read_csv(own_shop, infer_schema=False)
    label = pl.when(pl.col("user_id") != "8").then("reordered")
    rows.with_columns(reordered=label).write_csv(own_shop)
    assert perfect(own_shop)[1] == before - 1


def test_words_for_a_model_that_is_not_better() -> None:
    comparisons = [
        Comparison("weak", "F1", Interval(0.2, 0.1, 0.3), "pre-order"),
        Comparison("strong", "F1", Interval(0.01, -0.02, 0.04), "pre-order"),
        Comparison("strong", "NDCG@10", Interval(0.2, 0.1, 0.3), "pre-order"),
        Comparison("original recipe", "F1", Interval(0.2, 0.1, 0.3), "pre-order"),
        Comparison("strong", "F1", Interval(-0.2, -0.3, -0.1), "order-start"),
    ]
    assert [one for one, _ in main_comparisons(comparisons, "strong")] == [
        comparisons[1],
        comparisons[3],
        comparisons[4],
    ]
    assert f1_verdicts(comparisons, "strong") == [
        (
            "pre-order: the model is not proven to be better than the best baseline (strong):"
            " mean F1 in Kaggle's form +0.0100 [-0.0200, +0.0400]"
        ),
        (
            "pre-order: the model is better than the original recipe:"
            " mean F1 in Kaggle's form +0.2000 [+0.1000, +0.3000]"
        ),
        (
            "order-start: the model is worse than the best baseline (strong):"
            " mean F1 in Kaggle's form -0.2000 [-0.3000, -0.1000]"
        ),
    ]


def test_both_kinds_of_f1_by_hand(shop: Path, tmp_path: Path) -> None:
    folder = open_data(shop)
    evaluation = choose_judged_orders(folder, folder.candidates("labelled", tmp_path))
    rows, order = evaluation.candidates, evaluation.order
    # the first candidate of each order, and None beside it in every second order
    first = np.append(True, np.diff(order) > 0)
    decided = Decided(np.ones(len(rows), dtype=np.bool_), first, order % 2 == 0)
    f1, basket_f1 = evaluation.f1(decided), evaluation.basket_f1(decided)
    bought_nothing = 0
    for number, target in enumerate(evaluation.orders.iter_rows(named=True)):
        own = order == number
        bought: set[object] = set(rows.product_id[own & (rows.label == 1)]) or {None}
        # a shopper without candidates is told None
        basket: set[object] = set(rows.product_id[own]) or {None}
        said: set[object] = set(rows.product_id[own & first]) or {None}
        if number % 2 == 0:
            said.add(None)
        for found, one in ((f1, said), (basket_f1, basket)):
            assert found[number] == pytest.approx(2 * len(one & bought) / (len(one) + len(bought)))
        bought_nothing += target["reorders"] == 0
    assert bought_nothing


def test_segments_share_out_every_order(shop: Path) -> None:
    evaluated, orders = perfect(shop)
    for kind in ("earlier orders", "products bought again"):
        own = [segment for segment in evaluated.segments if segment.kind == kind]
        assert sum(segment.orders for segment in own) == orders
        assert all(segment.f1 == {"order-start": 1, "pre-order": 1} for segment in own)
        f1 = sum(segment.baseline_f1 * segment.orders for segment in own) / orders
        rungs = evaluated.ladder.rungs
        (best,) = (rung for rung in rungs if rung.name == evaluated.best_baseline)
        assert f1 == pytest.approx(best.measures[F1].mean)


def test_segments_hold_the_orders_that_their_labels_say(shop: Path) -> None:
    evaluated, _ = perfect(shop)
    earlier = pl.read_parquet(shop.with_name("target_orders.parquet")).filter(eval_set="train")
    earlier = earlier.with_columns(pl.col("order_number") - 1)
    found = {one.label: one.orders for one in evaluated.segments if one.kind == "earlier orders"}
    assert found == {
        "0 to 4": earlier.filter(pl.col("order_number") <= 4).height,
        "5 to 9": earlier.filter(pl.col("order_number").is_between(5, 9)).height,
    }


def test_coverage_and_popularity_by_hand(shop: Path) -> None:
    ladder = perfect(shop)[0].ladder
    rows = pl.read_csv(shop).filter(pl.col("reordered").is_not_null())
    # no shopper has more than ten candidates, and the shop has fewer than a hundred products
    assert rows.group_by("user_id").len()["len"].max() <= 10  # type: ignore[operator]
    shop_products = pl.read_parquet(shop.with_name("baskets.parquet"))["product_id"].n_unique()
    frequency = ladder.rungs[1].figures
    assert frequency["coverage"] == pytest.approx(rows["product_id"].n_unique() / shop_products)
    assert frequency["popular_share"] == ladder.figures["truth_popular_share"] == 1

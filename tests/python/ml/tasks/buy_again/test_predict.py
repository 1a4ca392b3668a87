"""Predictions: which orders, which shape, and when there are none."""

import json
from collections.abc import Callable
from pathlib import Path
from shutil import copytree

import numpy as np
import polars as pl
import pytest
from click.testing import Result

from ml.tasks.buy_again.decision import decide
from ml.tools.hashes import write_hashes
from tests.python.ml.invented_shop import build_shop

SCHEMA = {
    "user_id": pl.Int64,
    "order_id": pl.Int64,
    "product_id": pl.Int64,
    "probability": pl.Float64,
    "rank": pl.Int32,
    "is_in_basket": pl.Boolean,
    "reason": pl.String,
}


@pytest.fixture
def predicted(ml: Callable[..., Result], trained: Path, shop: Path, tmp_path: Path) -> Path:
    """Give the folder of predictions for the test orders of the shop."""
    out = tmp_path / "out"
    result = ml("predict", "--run", trained, "--data", shop, "--out", out)
    assert result.exit_code == 0, result.output
    return out


def test_one_row_per_test_order(predicted: Path, shop: Path) -> None:
    assert sorted(path.name for path in predicted.iterdir()) == [
        "baskets.csv",
        "cold_start.parquet",
        "predictions.parquet",
        "scores.parquet",
        "submission.csv",
    ]
    tests = pl.read_parquet(shop.with_name("target_orders.parquet")).filter(eval_set="test")
    rows = pl.read_csv(shop)
    for name in ("baskets.csv", "submission.csv"):
        text = (predicted / name).read_text()
        assert text.startswith("order_id,products\n")
        assert text.endswith("\n")
        written = pl.read_csv(predicted / name, infer_schema=False)
        assert written["order_id"].cast(pl.Int64).to_list() == sorted(tests["order_id"])
        for order, products in written.iter_rows():
            own = rows.filter(order_id=int(order))["product_id"].cast(pl.String).to_list()
            chosen = products.split(" ")
            assert len(chosen) == len(set(chosen))
            assert set(chosen) <= {*own, "None"}


def test_none_stands_beside_products_for_kaggle_alone(
    ml: Callable[..., Result], trained: Path, shop: Path, tmp_path: Path
) -> None:
    # this shop's habits are strong: half of their chances make sets with None and without
    run = copytree(trained, tmp_path / "run")
    parameters = json.loads((run / "parameters.json").read_text())
    parameters["isotonic"]["order-start"] = {"scores": [0.0, 1.0], "probabilities": [0.0, 0.5]}
    parameters["effect_sd"]["order-start"] = 0.7
    (run / "parameters.json").write_text(json.dumps(parameters))
    write_hashes(run)
    out = tmp_path / "out"
    assert ml("predict", "--run", run, "--data", shop, "--out", out).exit_code == 0
    scores = pl.read_parquet(out / "scores.parquet")
    baskets, submission = (
        dict(pl.read_csv(out / name, infer_schema=False).iter_rows())
        for name in ("baskets.csv", "submission.csv")
    )
    kinds = set()
    for (order,), own in scores.group_by("order_id"):
        decided = decide(
            np.zeros(len(own), dtype=np.int64), own["probability"].to_numpy(), effect_sd=0.7
        )
        basket = own.filter(pl.Series(decided.basket))["product_id"].cast(pl.String).to_list()
        assert baskets[str(order)] == " ".join(basket or ["None"])
        assert own["is_in_basket"].to_list() == decided.basket.tolist()
        said = own.filter(pl.Series(decided.submitted))["product_id"].cast(pl.String).to_list()
        beside = bool(decided.none_beside[0])
        assert submission[str(order)] == " ".join([*said, "None"] if beside or not said else said)
        kinds.add((bool(said), beside))
    assert (True, True) in kinds
    assert (True, False) in kinds


def test_without_an_order_to_predict_live_mode_is_named(
    ml: Callable[..., Result], trained: Path, tmp_path: Path
) -> None:
    """A shop that marks no order as train or test has targets of older windows alone."""
    data = build_shop(tmp_path / "shop", windows=2)
    targets = data.with_name("target_orders.parquet")
    older = pl.read_parquet(targets).filter(pl.col("orders_back") > 0)
    older.write_parquet(targets)
    rows = pl.read_csv(data, infer_schema=False).filter(pl.col("orders_back") != "0")
    rows.write_csv(data)
    result = ml("predict", "--run", trained, "--data", data, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "no order to predict" in result.stderr
    assert "mode: live" in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("damage", ["missing", "cut off", "another file"])
def test_a_damaged_model_is_named(
    ml: Callable[..., Result], trained: Path, shop: Path, tmp_path: Path, damage: str
) -> None:
    run = copytree(trained, tmp_path / "run")
    model = run / "model-order-start.txt"
    text = model.read_text()
    model.unlink()
    if damage != "missing":
        model.write_text(text[: len(text) // 2] if damage == "cut off" else "end of trees")
    write_hashes(run)  # damaged before it was recorded
    result = ml("predict", "--run", run, "--data", shop, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "model-order-start.txt is no model" in result.stderr
    assert "train again" in result.stderr


def test_a_shopper_without_history_gets_none(predicted: Path) -> None:
    for name in ("baskets.csv", "submission.csv"):
        assert "898001,None\n" in (predicted / name).read_text()


def test_scores_hold_every_candidate_with_rank_and_reason(predicted: Path, shop: Path) -> None:
    scores = pl.read_parquet(predicted / "scores.parquet")
    assert scores.schema == SCHEMA
    rows = pl.read_csv(shop).filter(pl.col("reordered").is_null())
    joined = scores.join(rows, on=["user_id", "product_id", "order_id"])
    assert len(joined) == len(scores) == len(rows)
    for _, own in scores.group_by("user_id"):
        assert own["rank"].to_list() == list(range(1, len(own) + 1))
        assert own["probability"].is_sorted(descending=True)
    for row in joined.iter_rows(named=True):
        orders = "order" if row["user_orders"] == 1 else "orders"
        often = f"in {row['up_orders']} of {row['user_orders']} {orders}"
        ago = row["up_orders_since_last_order"] + 1
        recently = "in the last order" if ago == 1 else f"last {ago} orders ago"
        words = row["reason"].split(", ")
        assert 1 <= len(words) <= 3
        for word in words:
            if word.startswith(("in ", "last ")):
                assert word in {often, recently}


def test_the_basket_is_the_top_of_the_ranking(predicted: Path) -> None:
    scores = pl.read_parquet(predicted / "scores.parquet")
    for name in ("baskets.csv", "submission.csv"):
        for order, products in pl.read_csv(predicted / name, infer_schema=False).iter_rows():
            ranked = scores.filter(order_id=int(order))["product_id"].cast(pl.String).to_list()
            chosen = [product for product in products.split(" ") if product != "None"]
            assert ranked[: len(chosen)] == chosen


def test_contexts_differ(
    ml: Callable[..., Result], predicted: Path, trained: Path, shop: Path, tmp_path: Path
) -> None:
    scores = {}
    for context in ("order-start", "pre-order"):
        out = tmp_path / context
        ml("predict", "--run", trained, "--data", shop, "--context", context, "--out", out)
        scores[context] = (out / "scores.parquet").read_bytes()
    # order-start is the default
    assert (predicted / "scores.parquet").read_bytes() == scores["order-start"]
    assert scores["order-start"] != scores["pre-order"]


def test_nothing_to_predict(
    ml: Callable[..., Result], trained: Path, own_shop: Path, tmp_path: Path
) -> None:
    targets = own_shop.with_name("target_orders.parquet")
    pl.read_parquet(targets).filter(eval_set="train").write_parquet(targets)
    rows = pl.read_csv(own_shop, infer_schema=False)
    rows.filter(pl.col("reordered").is_not_null()).write_csv(own_shop)
    out = tmp_path / "out"
    result = ml("predict", "--run", trained, "--data", own_shop, "--out", out)
    assert result.exit_code == 0, result.output
    for name in ("baskets.csv", "submission.csv"):
        assert (out / name).read_text() == "order_id,products\n"
    scores = pl.read_parquet(out / "scores.parquet")
    assert scores.is_empty()
    assert scores.schema == SCHEMA
    assert pl.read_parquet(out / "cold_start.parquet").is_empty()


def test_model_of_another_contract(
    ml: Callable[..., Result], trained: Path, own_shop: Path, tmp_path: Path
) -> None:
    path = own_shop.with_name("contract.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"hash": "0" * 64}))
    result = ml("predict", "--run", trained, "--data", own_shop, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "was trained on other columns" in result.stderr
    assert not (tmp_path / "out").exists()


def test_no_run(ml: Callable[..., Result], shop: Path, tmp_path: Path) -> None:
    result = ml("predict", "--run", tmp_path / "no", "--data", shop, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "no is not a finished run" in result.stderr


@pytest.fixture(scope="session")
def live_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the data.csv of a shop in live mode, which no test may change."""
    return build_shop(tmp_path_factory.mktemp("live"), mode="live", windows=2)


def test_live_mode_predicts_an_order_to_come_for_everyone(
    ml: Callable[..., Result], live_shop: Path, tmp_path: Path
) -> None:
    run, out = tmp_path / "runs" / "live", tmp_path / "out"
    assert ml("train", "--data", live_shop, "--run", run).exit_code == 0
    assert json.loads((run / "metrics.json").read_text())["ladder"]["window"] == 1
    assert ml("predict", "--run", run, "--data", live_shop, "--out", out).exit_code == 0
    users = pl.read_parquet(live_shop.with_name("target_orders.parquet")).filter(orders_back=0)[
        "user_id"
    ]
    for name in ("baskets.csv", "submission.csv"):
        written = pl.read_csv(out / name, infer_schema=False)
        assert written.columns == ["user_id", "products"]
        assert written["user_id"].cast(pl.Int64).to_list() == sorted(users)
    scores = pl.read_parquet(out / "scores.parquet")
    assert scores["order_id"].is_null().all()
    explicit = tmp_path / "explicit"
    ml("predict", "--run", run, "--data", live_shop, "--context", "pre-order", "--out", explicit)
    assert (explicit / "scores.parquet").read_bytes() == (out / "scores.parquet").read_bytes()
    refused = ml(
        "predict", "--run", run, "--data", live_shop, "--context", "order-start", "--out", out
    )
    assert refused.exit_code == 1
    assert "predict with --context pre-order" in refused.stderr


def test_only_a_shopper_without_any_order_gets_shop_favourites(predicted: Path, shop: Path) -> None:
    favourites = pl.read_parquet(predicted / "cold_start.parquet")
    # user 2 is new; three products of each of the two departments
    assert favourites["user_id"].to_list() == [2] * 6
    assert favourites["order_id"].unique().to_list() == [898001]
    assert favourites["rank"].to_list() == [1, 2, 3, 4, 5, 6]
    assert set(favourites["source"]) == {"cold_start"}
    names = pl.read_parquet(shop.with_name("products.parquet"))
    sold = (
        pl.read_parquet(shop.with_name("baskets.parquet"))
        .group_by("product_id")
        .agg(lines=pl.len())
        .join(names, on="product_id")
    )
    for department in ("fruit", "grain"):
        own = favourites.filter(reason=f"a favourite of the shop in {department}")
        best = sold.filter(department_name=department).sort(
            "lines", "product_id", descending=[True, False]
        )
        assert own["product_id"].to_list() == best["product_id"].head(3).to_list()


@pytest.mark.parametrize("decision", ["top-2", "threshold-0.5"])
def test_other_decisions_for_the_shop(  # noqa: PLR0913, PLR0917 - pytest gives fixtures by name
    ml: Callable[..., Result],
    trained: Path,
    shop: Path,
    predicted: Path,
    tmp_path: Path,
    decision: str,
) -> None:
    out = tmp_path / "by rule"
    result = ml("predict", "--run", trained, "--data", shop, "--out", out, "--decision", decision)
    assert result.exit_code == 0, result.output
    scores = pl.read_parquet(out / "scores.parquet")
    baskets = pl.read_csv(out / "baskets.csv", infer_schema=False)
    for order, products in baskets.iter_rows():
        own = scores.filter(order_id=int(order))
        wanted = own.head(2) if decision == "top-2" else own.filter(pl.col("probability") >= 0.5)
        expected = " ".join(wanted["product_id"].cast(pl.String)) or "None"
        assert products == expected
    submitted = [(one / "submission.csv").read_bytes() for one in (out, predicted)]
    assert submitted[0] == submitted[1], "Kaggle's form is that of expected F1, whatever the rule"
    result = ml("predict", "--run", trained, "--data", shop, "--out", out, "--decision", "best")
    assert result.exit_code == 2
    assert "is no decision" in result.stderr


def test_a_habit_ranks_above_a_purchase_long_ago(
    ml: Callable[..., Result], live_shop: Path, tmp_path: Path
) -> None:
    run, out = tmp_path / "runs" / "live", tmp_path / "out"
    assert ml("train", "--data", live_shop, "--run", run).exit_code == 0
    assert ml("predict", "--run", run, "--data", live_shop, "--out", out).exit_code == 0
    rows = pl.read_csv(live_shop).filter(orders_back=0)
    scores = pl.read_parquet(out / "scores.parquet").join(rows, on=["user_id", "product_id"])
    # bought in each of the last five orders or more; bought once and not in the last four orders
    since = pl.col("up_orders_since_last_order")
    habits = scores.filter((pl.col("up_order_rate") == 1) & (pl.col("user_orders") >= 5))
    once = scores.filter((pl.col("up_orders") == 1) & (since >= 4))
    both = habits.join(once, on="user_id", suffix="_once")
    assert both.height > 10
    assert (both["rank"] < both["rank_once"]).all()

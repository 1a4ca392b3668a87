"""Discovery through the command line, and what it must never do."""

import json
from collections.abc import Callable
from pathlib import Path

import lightgbm as lgb
import numpy as np
import polars as pl
import pytest
from click.testing import Result

from ml.data.arrays import Integers
from ml.data.reading import open_data
from ml.runs.fold_models import FoldModels
from ml.tasks.discovery import evaluate as evaluation
from ml.tasks.discovery.candidates import DIRECTIONS, FEATURES, WindowCandidates
from ml.tasks.discovery.model import Examples, fit_folds
from tests.python.ml.task_runs import WINDOWS, assert_ladder_is_printed, copy_data

Ml = Callable[..., Result]


@pytest.fixture(scope="module")
def recommendations(
    discovery_run: Path, data: Path, tmp_path_factory: pytest.TempPathFactory
) -> pl.DataFrame:
    from click.testing import CliRunner  # noqa: PLC0415 - a fixture of this module cannot take `ml`

    from ml.__main__ import cli  # noqa: PLC0415 - the same

    out = tmp_path_factory.mktemp("out")
    arguments = ["--task", "discovery", "--run", discovery_run, "--data", data, "--out", out]
    result = CliRunner().invoke(cli, ["predict", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return pl.read_parquet(out / "recommendations.parquet")


def test_recommendations_are_new_ranked_and_for_everybody(
    recommendations: pl.DataFrame, data: Path
) -> None:
    folder = open_data(data)
    targets = folder.window_targets(0)
    assert set(recommendations["user_id"]) == set(targets["user_id"])
    ranks = recommendations.group_by("user_id", maintain_order=True).agg("rank", "score")
    assert all(rank == list(range(1, len(rank) + 1)) for rank in ranks["rank"].to_list())
    assert all(score == sorted(score, reverse=True) for score in ranks["score"].to_list())
    assert recommendations["rank"].max() <= 80  # type: ignore[operator]
    assert recommendations["reason"].null_count() == 0
    ends = targets.lazy().select("user_id", end=pl.col("order_number"))
    lines = folder.baskets().join(ends, on="user_id")
    bought = lines.filter(pl.col("order_number") < pl.col("end"))
    again = recommendations.join(bought.collect(), on=["user_id", "product_id"], how="semi")
    assert again.height == 0


def test_candidates_of_every_window_were_never_bought(data: Path) -> None:
    folder = open_data(data)
    for orders_back in range(WINDOWS):
        window = WindowCandidates(folder, orders_back)
        keys = pl.concat(
            [
                chunk.frame.select("user_id", "product_id")
                for chunk in window.chunks(window.purchases.users)
            ]
        )
        rows = np.searchsorted(window.purchases.users, keys["user_id"].to_numpy())
        columns = np.searchsorted(window.purchases.products, keys["product_id"].to_numpy())
        assert len(keys) > 100
        assert not window.purchases.counts[rows, columns].any()


def test_a_removed_target_basket_changes_no_candidate(data: Path, tmp_path: Path) -> None:
    copied = copy_data(data, tmp_path / "data")
    baskets = pl.read_parquet(copied.with_name("baskets.parquet"))
    targets = pl.read_parquet(copied.with_name("target_orders.parquet")).filter(
        pl.col("orders_back") == 0
    )
    kept = baskets.join(targets, on=["user_id", "order_number"], how="anti")
    assert kept.height < baskets.height
    kept.write_parquet(copied.with_name("baskets.parquet"))
    before, after = (
        [chunk.frame for chunk in window.chunks(window.purchases.users)]
        for window in (WindowCandidates(open_data(path), 0) for path in (data, copied))
    )
    columns = ["user_id", "product_id", *FEATURES]
    assert pl.concat(before).select(columns).equals(pl.concat(after).select(columns))


def test_in_a_shop_with_dates_nothing_from_the_order_s_day_on_changes_a_candidate(
    data: Path, tmp_path: Path
) -> None:
    day = pl.col("order_number") * 5 + pl.col("user_id") % 5
    baskets = (
        pl.read_parquet(data.with_name("baskets.parquet"))
        .with_columns(ordered_at=pl.datetime(2017, 1, 1, 20) + pl.duration(days=day))
        .join(open_data(data).window_targets(1).select("user_id", end="order_number"), on="user_id")
    )
    # another product in each order that is to be predicted, and in every later one
    products = baskets["product_id"].unique().sort()
    other = dict(zip(products, products.reverse(), strict=True))
    is_later = pl.col("order_number") >= pl.col("end")
    changed = baskets.with_columns(
        product_id=pl.when(is_later)
        .then(pl.col("product_id").replace_strict(other))
        .otherwise("product_id")
    )
    frames = []
    for name, lines in (("before", baskets), ("after", changed)):
        copied = copy_data(data, tmp_path / name)
        lines.drop("end").write_parquet(copied.with_name("baskets.parquet"))
        window = WindowCandidates(open_data(copied), 1)
        frames.append(pl.concat([one.frame for one in window.chunks(window.purchases.users)]))
    before, after = (one.select("user_id", "product_id", *FEATURES) for one in frames)
    assert before.equals(after)
    known = before.select(pl.col("recent_score", "prod_recent_share", "prod_rise").count()).row(0)
    assert min(known) > 100
    assert before["prod_recent_share"].max() < 1  # type: ignore[operator]


def test_evaluate_prints_what_train_found(ml: Ml, discovery_run: Path, data: Path) -> None:
    result = ml("evaluate", "--task", "discovery", "--run", discovery_run, "--data", data)
    assert result.exit_code == 0, result.output
    assert "Protocol Novel" in result.stdout
    metrics = json.loads((discovery_run / "metrics.json").read_text())
    assert_ladder_is_printed(metrics, result.stdout)


def test_older_windows_are_judged_by_what_learnt_from_nothing_newer(
    ml: Ml, discovery_run: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learnt = []

    def fit(examples: list[Examples], users: Integers, folds: Integers) -> FoldModels:
        learnt.append([one.keys for one in examples])
        return fit_folds(examples, users, folds)

    monkeypatch.setattr(evaluation, "fit_folds", fit)
    result = ml("evaluate", "--task", "discovery", "--run", discovery_run, "--data", data)
    assert result.exit_code == 0, result.output
    assert f"and the {WINDOWS} windows from orders_back 0 on" in " ".join(result.stdout.split())
    assert f"{WINDOWS} windows together, recall@10: the model is" in result.stdout
    windows = pl.read_parquet(discovery_run / "scores.parquet", glob=False).partition_by(
        "orders_back", maintain_order=True
    )
    keys = [window.select("user_id", "product_id") for window in windows]
    assert len(keys) == WINDOWS == 3
    assert [len(some) for some in learnt] == [2, 1]
    assert all(one.equals(keys[1 + n]) for n, one in enumerate(learnt[0]))
    assert learnt[1][0].equals(keys[2])


def test_no_score_of_a_learnt_shopper_comes_from_the_model_of_everybody(
    discovery_run: Path, recommendations: pl.DataFrame
) -> None:
    out_of_fold = pl.read_parquet(discovery_run / "out_of_fold.parquet", glob=False)
    both = out_of_fold.join(recommendations, on=["user_id", "product_id"])
    assert both.height > 100
    assert np.abs(both["score"] - both["score_right"]).max() < 1e-12


def test_lists_of_one_department_without_what_lies_in_the_carts(
    ml: Ml, discovery_run: Path, data: Path, recommendations: pl.DataFrame, tmp_path: Path
) -> None:
    names = open_data(data).products()
    first = recommendations.row(0, named=True)
    user, product = first["user_id"], first["product_id"]
    department = names.filter(product_id=product)["department_name"].item()
    carts = tmp_path / "carts.csv"
    carts.write_text(f"cart_id,user_id,position,product_id\n1,{user},1,{product}\n")
    arguments = ("--task", "discovery", "--run", discovery_run, "--data", data)
    filters = ("--department", department, "--carts", carts)
    result = ml("predict", *arguments, *filters, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    found = pl.read_parquet(tmp_path / "out" / "recommendations.parquet")
    of_department = names.filter(department_name=department).select("product_id")
    assert found.join(of_department, on="product_id", how="anti").is_empty()
    own = found.filter(user_id=user)["product_id"].to_list()
    # the list of before comes first, without the product in the cart
    before = recommendations.filter(user_id=user).join(
        of_department, on="product_id", how="semi", maintain_order="left"
    )
    expected = before["product_id"].to_list()
    assert expected[0] == product
    assert own[: len(expected) - 1] == expected[1:]
    others = recommendations.filter(product_id=product).filter(pl.col("user_id") != user)
    assert others.height > 0
    still_there = found.filter(product_id=product).filter(pl.col("user_id") != user)
    assert set(others["user_id"]) <= set(still_there["user_id"])


def test_a_name_stands_for_every_department_that_bears_it(
    ml: Ml, discovery_run: Path, data: Path, tmp_path: Path
) -> None:
    copied = copy_data(data, tmp_path / "data")
    products = copied.with_name("products.parquet")
    first, second, *_ = sorted(set(pl.read_parquet(products)["department_id"]))
    name = pl.col("department_name")
    pl.read_parquet(products).with_columns(
        pl.when(pl.col("department_id") == first)
        .then(pl.lit("Odds and  Ends"))
        .when(pl.col("department_id") == second)
        .then(pl.lit("odds and ends"))
        .otherwise(name)
        .alias("department_name")
    ).write_parquet(products)
    arguments = ("--task", "discovery", "--run", discovery_run, "--data", copied)
    carts = tmp_path / "carts.csv"
    carts.write_text("cart_id,user_id,position,product_id\na,1,1,900001\nb,1,1,900001\n")
    asked = ("--department", " ODDS AND ENDS", "--carts", carts, "--out", tmp_path / "out")
    result = ml("predict", *arguments, *asked)
    assert result.exit_code == 0, result.output
    assert "1 product of 2 carts is not known" in result.output
    found = pl.read_parquet(tmp_path / "out" / "recommendations.parquet")
    of_product = dict(pl.read_parquet(products).select("product_id", "department_id").iter_rows())
    assert {of_product[one] for one in found["product_id"]} == {first, second}


def test_an_unknown_department_is_refused(
    ml: Ml, discovery_run: Path, data: Path, tmp_path: Path
) -> None:
    arguments = ("--task", "discovery", "--run", discovery_run, "--data", data)
    result = ml("predict", *arguments, "--department", "shoes", "--out", tmp_path / "out")
    assert result.exit_code == 1
    sentence = (
        "the shop has no product of a department shoes: its departments are animal companions,"
    )
    assert f"Error: {sentence} " in result.output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["train", "evaluate", "predict"])
def test_an_unknown_task_is_named(ml: Ml, command: str, tmp_path: Path) -> None:
    result = ml(command, "--task", "rain", "--run", tmp_path / "run")
    assert result.exit_code == 2
    assert "'rain' is not one of 'buy-again', 'discovery', 'next-in-cart'" in result.output


def test_another_contract_is_refused(
    ml: Ml, discovery_run: Path, data: Path, tmp_path: Path
) -> None:
    copied = copy_data(data, tmp_path / "data")
    contract = json.loads(copied.with_name("contract.json").read_text())
    copied.with_name("contract.json").write_text(json.dumps(contract | {"hash": "0" * 64}))
    out = tmp_path / "out"
    result = ml(
        "predict", "--task", "discovery", "--run", discovery_run, "--data", copied, "--out", out
    )
    assert result.exit_code == 1
    assert "trained on other columns" in result.output
    assert not out.exists()


def test_a_missing_table_is_named(ml: Ml, data: Path, tmp_path: Path) -> None:
    copied = copy_data(data, tmp_path / "data")
    copied.with_name("product_ranks.parquet").unlink()
    result = ml("train", "--task", "discovery", "--data", copied, "--run", tmp_path / "run")
    assert result.exit_code == 1
    assert "product_ranks.parquet is missing" in result.output
    assert not (tmp_path / "run").exists()


def test_no_chance_falls_with_what_speaks_for_a_product(discovery_run: Path, data: Path) -> None:
    window = WindowCandidates(open_data(data), 0)
    frame = next(window.chunks(window.purchases.users)).frame
    rows = frame.select(FEATURES).to_numpy()[:500]
    booster = lgb.Booster(model_file=discovery_run / "discovery.txt")
    chances = np.asarray(booster.predict(rows))
    changed = 0
    for name, direction in DIRECTIONS.items():
        column = FEATURES.index(name)
        known = ~np.isnan(rows[:, column])
        if not known.any():  # of the last days, in a shop without dates
            continue
        better = rows.copy()
        better[:, column] = np.nanmax(rows[:, column]) if direction > 0 else 1
        more = np.asarray(booster.predict(better))[known] - chances[known]
        assert more.min() >= 0, name
        changed += (more > 0).any()
    assert changed > 1

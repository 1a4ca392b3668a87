"""The search for parameters: what it sees, that it goes on, and what it writes."""

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from click.testing import Result

from tests.python.ml.invented_shop import build_shop


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Give the data.csv of a shop with three windows."""
    return build_shop(tmp_path / "shop", windows=3)


def losses(path: Path) -> list[float]:
    return [trial["logloss"] for trial in json.loads(path.read_text())["search"]["trials"]]


def test_goes_on_where_it_ended_and_train_reads_what_it_wrote(
    ml: Callable[..., Result], data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "tuned.json"
    first = ml("tune", "--data", data, "--out", out, "--minutes", "0.01")
    assert first.exit_code == 0, first.output
    before = losses(out)
    assert len(before) >= 1
    assert ml("tune", "--data", data, "--out", out, "--minutes", "0.01").exit_code == 0
    after = losses(out)
    assert after[: len(before)] == before
    assert len(after) > len(before)
    found = json.loads(out.read_text())
    best = min(found["search"]["trials"], key=lambda trial: trial["logloss"])
    used = found["fit"]["lightgbm"]
    assert {name: used[name] for name in best["parameters"]} == best["parameters"]
    run = tmp_path / "runs" / "x"
    result = ml("train", "--data", data, "--run", run, "--parameters", out)
    assert result.exit_code == 0, result.output
    assert json.loads((run / "parameters.json").read_text())["lightgbm"] == used


def test_the_judged_window_is_never_seen(
    ml: Callable[..., Result], data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "one.json"
    ml("tune", "--data", data, "--out", out, "--minutes", "0.001")
    # the labels of the newest window turned around, in the baskets too, where both kinds are there
    rows = pl.read_csv(data, infer_schema=False)
    bought = pl.col("reordered").cast(pl.Int64)
    is_mixed = bought.n_unique().over("user_id", "orders_back") == 2
    is_turned = (pl.col("orders_back") == "0") & pl.col("reordered").is_not_null() & is_mixed
    turned = pl.col("reordered").replace({"0": "1", "1": "0"})
    flipped = rows.with_columns(
        turned=is_turned, reordered=pl.when(is_turned).then(turned).otherwise("reordered")
    )
    flipped.drop("turned").write_csv(data)
    targets = pl.read_parquet(data.with_name("target_orders.parquet")).filter(orders_back=0)
    counts = flipped.filter("turned").select(
        pl.col("user_id", "product_id", "reordered").cast(pl.Int64)
    )
    baskets = pl.read_parquet(data.with_name("baskets.parquet"))
    newest = targets.select("user_id", "order_number", "order_id").join(
        counts.filter(reordered=1), on="user_id"
    )
    others = baskets.join(newest.select("order_id"), on="order_id", how="anti")
    made = newest.with_columns(add_to_cart_order=pl.lit(1), ordered_at=pl.lit(None))
    made = made.select(baskets.columns)
    pl.concat([others, made.cast(baskets.schema)]).write_parquet(data.with_name("baskets.parquet"))
    other = tmp_path / "two.json"
    result = ml("tune", "--data", data, "--out", other, "--minutes", "0.001")
    assert result.exit_code == 0, result.output
    # the first trial has the defaults in both
    assert losses(other)[0] == losses(out)[0]


def test_one_window_is_not_enough(ml: Callable[..., Result], shop: Path, tmp_path: Path) -> None:
    result = ml("tune", "--data", shop, "--out", tmp_path / "tuned.json")
    assert result.exit_code == 1
    said = " ".join(result.stderr.split())
    assert "has labels in 1 window: a search needs a second one" in said
    assert not (tmp_path / "tuned.json").exists()

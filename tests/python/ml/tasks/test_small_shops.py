"""Valid shops that leave little to learn from: few train orders, small baskets, live mode."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import Result

from ml.fitting.nothing_to_learn import NothingToLearn
from tests.python.dbt_project.shop_builds import build_data, write_sample_shop
from tests.python.ml.task_runs import copy_data

Ml = Callable[..., Result]
USERS = 40
LINES = "order_id,product_id,add_to_cart_order,reordered\n"


def succeed(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.output


def ladder_of(run: Path) -> dict[str, Any]:
    ladder: dict[str, Any] = json.loads((run / "metrics.json").read_text())["ladder"]
    return ladder


def predict(ml: Ml, task: str, run: Path, data: Path, out: Path) -> pl.DataFrame:
    """Recommend to everybody, or answer an empty cart of everybody."""
    targets = pl.read_parquet(data.with_name("target_orders.parquet"))
    users = targets.filter(orders_back=0)["user_id"]
    succeed(ml("predict", "--task", task, "--run", run, "--data", data, "--out", out))
    name = "next" if task == "next-in-cart" else "recommendations"
    found = pl.read_parquet(out / f"{name}.parquet")
    assert set(found["user_id"]) == set(users)
    return found


def cut_baskets(raw: Path, most: int) -> None:
    """Keep the first products of each order, and say of each again whether it was bought before."""
    files = [raw / f"order_products__{eval_set}.csv" for eval_set in ("prior", "train")]
    numbers = pl.read_csv(raw / "orders.csv").select("order_id", "user_id", "order_number")
    kept = [pl.read_csv(file).filter(pl.col("add_to_cart_order") <= most) for file in files]
    first = (
        pl.concat(kept)
        .join(numbers, on="order_id")
        .group_by("user_id", "product_id")
        .agg(first=pl.col("order_number").min())
    )
    for file, lines in zip(files, kept, strict=True):
        lines.join(numbers, on="order_id", maintain_order="left").join(
            first, on=["user_id", "product_id"], maintain_order="left"
        ).select(
            "order_id",
            "product_id",
            "add_to_cart_order",
            reordered=(pl.col("order_number") > pl.col("first")).cast(pl.Int64),
        ).write_csv(file)


def write_fixed_assortment(raw: Path) -> None:
    """Write 12 shoppers who buy five nameless products at first, and some of these ever after."""
    raw.mkdir()
    orders, lines = [], []
    for user in range(1, 13):
        for number in range(1, 6):
            order = 10 * user + number
            interval = "" if number == 1 else f"{user % 9 + number}"
            orders.append(f"{order},{user},prior,{number},{user % 7},10,{interval}\n")
            size = 5 if number == 1 else 4 - (user + number) % 2
            for place in range(size):
                product = (user + number + place) % 5 + 1
                lines.append(f"{order},{product},{place + 1},{int(number > 1)}\n")
    files = {
        "orders": (
            "order_id,user_id,eval_set,order_number,order_dow,order_hour_of_day,"
            "days_since_prior_order\n" + "".join(orders)
        ),
        "order_products__prior": f"{LINES}{''.join(lines)}",
        "order_products__train": LINES,
        "products": "product_id,product_name,aisle_id,department_id\n"
        + "".join(f"{product},,1,1\n" for product in range(1, 6)),
        "aisles": "aisle_id,aisle\n1,shelf\n",
        "departments": "department_id,department\n1,everything\n",
    }
    for name, text in files.items():
        (raw / f"{name}.csv").write_text(text)


def test_a_nameless_fixed_assortment_ends_discovery_alone(ml: Ml, tmp_path: Path) -> None:
    write_fixed_assortment(tmp_path / "raw")
    variables = {"windows": 2, "mode": "live"}
    data = build_data(tmp_path / "workspace", tmp_path / "raw", variables).data

    def train(task: str) -> Result:
        run = tmp_path / "runs" / task
        return ml("train", "--task", task, "--data", data, "--run", run)

    refused = train("discovery")
    assert refused.exit_code == NothingToLearn.exit_code
    # each shopper's newest order has a known basket, in the window before the one to come
    sentence = "of the 12 known orders .* a product that is new to its shopper"
    assert re.search(sentence, refused.output)
    succeed(train("buy-again"))
    succeed(train("next-in-cart"))
    run = tmp_path / "runs" / "next-in-cart"
    card = (run / "model_card.md").read_text()
    assert "12 of 12 older orders have a known basket." in card
    succeed(ml("report", "--run", run))
    page = (run / "report.html").read_text()
    assert "12 of 12 older orders have a known basket." in page
    assert "Next after product " in page
    found = predict(ml, "next-in-cart", run, data, tmp_path / "out")
    assert set(found["product_id"]) == set(range(1, 6))


def test_baskets_too_small_to_judge_next_in_cart(ml: Ml, tmp_path: Path) -> None:
    raw = write_sample_shop(tmp_path / "raw", USERS)
    cut_baskets(raw, most=3)
    data = build_data(tmp_path / "workspace", raw, {"windows": 2}).data
    run = tmp_path / "runs" / "small"
    command = ("--task", "next-in-cart", "--data", data, "--run", run)
    sentence = "no known order of orders_back 0 holds 4 products or more"
    assert sentence in succeed(ml("train", *command))
    assert (ladder_of(run)["judged"]["steps"], ladder_of(run)["rungs"]) == (0, [])
    assert sentence in succeed(ml("evaluate", *command))
    assert sentence in (run / "model_card.md").read_text()
    assert pl.read_parquet(run / "out_of_fold.parquet").is_empty()
    succeed(ml("report", "--run", run))
    assert sentence in (run / "report.html").read_text()
    predict(ml, "next-in-cart", run, data, tmp_path / "out")


@pytest.mark.parametrize("task", ["discovery", "next-in-cart"])
def test_a_newest_window_with_few_train_orders_is_not_judged(
    ml: Ml, data: Path, tmp_path: Path, task: str
) -> None:
    copied = copy_data(data, tmp_path / "data")
    targets = pl.read_parquet(copied.with_name("target_orders.parquet"))
    unknown = targets.filter(orders_back=0, eval_set="train").sort("user_id")[4:]
    lines = copied.with_name("baskets.parquet")
    key = ["user_id", "order_number"]
    pl.read_parquet(lines).join(unknown, on=key, how="anti", maintain_order="left").write_parquet(
        lines
    )
    rows = pl.read_csv(copied, infer_schema=False)
    is_unknown = (pl.col("orders_back") == "0") & pl.col("user_id").is_in(
        unknown["user_id"].cast(pl.String).to_list()
    )
    rows.with_columns(reordered=pl.when(~is_unknown).then("reordered")).write_csv(copied)
    run = tmp_path / "runs" / "few"
    succeed(ml("train", "--task", task, "--data", copied, "--run", run))
    assert ladder_of(run)["window"] == 1
    succeed(ml("evaluate", "--task", task, "--data", copied, "--run", run))
    predict(ml, task, run, copied, tmp_path / "out")


def test_live_mode_predicts_for_everybody(ml: Ml, tmp_path: Path) -> None:
    raw = write_sample_shop(tmp_path / "raw", USERS)
    data = build_data(tmp_path / "workspace", raw, {"windows": 2, "mode": "live"}).data
    for task in ("discovery", "next-in-cart"):
        run = tmp_path / "runs" / task
        succeed(ml("train", "--task", task, "--data", data, "--run", run))
        assert ladder_of(run)["window"] == 1
        predict(ml, task, run, data, tmp_path / task)
    # what is known of a shopper is every order there is: no product bought in any of them is new
    bought = pl.read_parquet(data.with_name("baskets.parquet"))
    found = pl.read_parquet(tmp_path / "discovery" / "recommendations.parquet")
    assert found.join(bought, on=["user_id", "product_id"], how="semi").is_empty()

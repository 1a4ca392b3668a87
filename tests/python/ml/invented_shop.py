"""A small invented shop whose shoppers have habits, written as a data folder."""

import hashlib
import json
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl

TYPES = {
    "user_id": "bigint",
    "product_id": "bigint",
    "user_orders": "bigint",
    "user_period": "double",
    "user_mean_days_since_prior": "double",
    "user_total_products": "bigint",
    "user_distinct_products": "bigint",
    "user_reorder_ratio": "double",
    "up_orders": "bigint",
    "up_first_order": "bigint",
    "up_last_order": "bigint",
    "up_average_cart_position": "double",
    "prod_orders": "bigint",
    "prod_reorders": "bigint",
    "prod_first_orders": "bigint",
    "prod_second_orders": "bigint",
    "orders_back": "integer",
    "eval_set": "varchar",
    "order_id": "bigint",
    "order_number": "integer",
    "order_dow": "integer",
    "order_hour_of_day": "integer",
    "days_since_prior_order": "double",
    "prod_reorder_probability": "double",
    "up_order_rate": "double",
    "up_orders_since_last_order": "bigint",
    "reordered": "integer",
}
ORDER_START = ("order_dow", "order_hour_of_day", "days_since_prior_order")
TARGET_COLUMNS = (
    "user_id",
    "order_id",
    "order_number",
    *ORDER_START,
    "eval_set",
    "orders_back",
)
PRODUCTS = 30


def build_shop(  # noqa: PLR0913 - what a shop may be
    folder: Path,
    *,
    users: int = 60,
    windows: int = 1,
    mode: str = "benchmark",
    seed: int = 1,
    train_orders: int | None = None,
) -> Path:
    """
    Write a data folder and give the path of its data.csv.

    Every fourth shopper's last order is a test order. Two more shoppers, user 1 (train) and user 2
    (test), have no order before it and so no candidate. In live mode the test orders are gone.
    With `train_orders` so many train orders have a known basket, those of the first shoppers.
    """
    orders, lines = _history(users, np.random.default_rng(seed), is_live=mode == "live")
    if train_orders is not None:
        unknown = orders.filter(eval_set="train")["order_id"][train_orders:]
        lines = lines.filter(~pl.col("order_id").is_in(unknown))
    folder.mkdir(parents=True, exist_ok=True)
    targets = (
        orders.filter(
            (pl.col("orders_back") < windows)
            & ((pl.col("orders_back") == 0) | (pl.col("order_number") >= 3))
        )
        .select(TARGET_COLUMNS)
        .sort("orders_back", "user_id")
    )
    targets.write_parquet(folder / "target_orders.parquet")
    baskets = lines.join(orders.select("order_id", "user_id", "order_number"), on="order_id")
    baskets.select(
        "user_id",
        "order_number",
        "order_id",
        "product_id",
        "add_to_cart_order",
        "reordered",
        ordered_at=pl.lit(None, pl.Datetime),
    ).write_parquet(folder / "baskets.parquet")
    pl.DataFrame(
        {
            "product_id": range(1, PRODUCTS + 1),
            "product_name": [f"Fruit & <Grain> {number}" for number in range(1, PRODUCTS + 1)],
            "aisle_id": 1,
            "aisle_name": "shelf",
            "department_id": [number % 2 for number in range(PRODUCTS)],
            "department_name": ["fruit" if number % 2 else "grain" for number in range(PRODUCTS)],
            "product_code": pl.Series([None] * PRODUCTS, dtype=pl.String),
        }
    ).write_parquet(folder / "products.parquet")
    shoppers = orders.select(pl.col("user_id").unique().sort())
    shoppers.with_columns(
        user_code=pl.lit(None, pl.String),
        last_ordered_at=pl.lit(None, pl.Datetime),
        days_since_last_order=pl.lit(None, pl.Int32),
    ).write_parquet(folder / "shoppers.parquet")
    rows = pl.concat([_window(orders, baskets, targets, back) for back in range(windows)])
    path = folder / "data.csv"
    rows.sort("orders_back", "user_id", "product_id").write_csv(path)
    _write_contract(folder, TYPES, mode=mode, windows=windows)
    return path


def with_texts_and_times(data: Path) -> None:
    """Give the shop text ids, those of an even number with a blank, and times."""
    shoppers = data.with_name("shoppers.parquet")
    pl.read_parquet(shoppers).with_columns(
        user_code=pl.format("ann {}", "user_id"),
        last_ordered_at=pl.lit(datetime(2017, 3, 5, 18, 4, 11)),  # noqa: DTZ001 - the shop's own
        days_since_last_order=(pl.col("user_id") % 7).cast(pl.Int32),
    ).write_parquet(shoppers)
    products = data.with_name("products.parquet")
    code = pl.format("5% off {}", "product_id")
    pl.read_parquet(products).with_columns(product_code=code).write_parquet(products)


def _write_contract(
    folder: Path, types: dict[str, str], *, mode: str = "benchmark", windows: int = 1
) -> None:
    """Write the contract.json of these columns."""
    columns = [
        {
            "name": name,
            "type": kind,
            "description": f"what {name} is",
            "context": "order_start" if name in ORDER_START else None,
        }
        for name, kind in types.items()
    ]
    contract = {
        "hash": hashlib.sha256(json.dumps(types).encode()).hexdigest(),
        "mode": mode,
        "windows": windows,
        "columns": columns,
    }
    (folder / "contract.json").write_text(json.dumps(contract), encoding="utf-8")


def _history(
    users: int, random: np.random.Generator, *, is_live: bool
) -> tuple[pl.DataFrame, pl.DataFrame]:
    orders: list[dict[str, object]] = []
    lines: list[dict[str, int]] = []
    for place in range(users + 2):
        user = place + 1
        is_new = place < 2
        count = 1 if is_new else int(random.integers(4, 10))
        liked = random.choice(PRODUCTS, size=8, replace=False) + 1
        # some products are bought nearly always and some hardly ever: a habit to find
        rate = random.permutation([0.95, 0.9, 0.7, 0.3, 0.2, 0.1, 0.05, 0.05])
        bought: set[int] = set()
        for number in range(1, count + 1):
            is_last = number == count
            eval_set = ("test" if user % 4 == 2 else "train") if is_last else "prior"
            # ids do not rise with user ids, as in a real shop
            order_id = 1000 * (900 - user) + number
            orders.append(
                {
                    "order_id": order_id,
                    "user_id": user,
                    "eval_set": eval_set,
                    "order_number": number,
                    "order_dow": int(random.integers(7)),
                    "order_hour_of_day": int(random.integers(24)),
                    "days_since_prior_order": float(random.integers(31)) if number > 1 else None,
                }
            )
            basket = [int(item) for item in liked[random.random(8) < rate]] or [int(liked[0])]
            if eval_set != "test":
                lines += [
                    {
                        "order_id": order_id,
                        "product_id": item,
                        "add_to_cart_order": position,
                        "reordered": int(item in bought),
                    }
                    for position, item in enumerate(basket, 1)
                ]
            bought |= set(basket)
    frame = pl.DataFrame(orders)
    if is_live:
        frame = frame.filter(pl.col("eval_set") != "test")
        to_come = frame.group_by("user_id", maintain_order=True).agg(
            order_number=pl.col("order_number").max() + 1, eval_set=pl.lit("live")
        )
        frame = pl.concat([frame, to_come], how="diagonal")
    back = pl.col("order_number").max().over("user_id") - pl.col("order_number")
    return frame.with_columns(orders_back=back), pl.DataFrame(lines)


def _window(
    orders: pl.DataFrame, baskets: pl.DataFrame, targets: pl.DataFrame, back: int
) -> pl.DataFrame:
    """Compute the rows of one window from the orders before its targets."""
    window = targets.filter(pl.col("orders_back") == back)
    before = orders.filter(pl.col("orders_back") > back)
    history = baskets.join(before.select("order_id"), on="order_id")
    pairs = history.group_by("user_id", "product_id").agg(
        up_orders=pl.len(),
        up_first_order=pl.col("order_number").min(),
        up_last_order=pl.col("order_number").max(),
        up_average_cart_position=pl.col("add_to_cart_order").mean(),
    )
    by_user = before.group_by("user_id").agg(
        user_orders=pl.col("order_number").max(),
        user_period=pl.col("days_since_prior_order").sum(),
        user_mean_days_since_prior=pl.col("days_since_prior_order").mean(),
    )
    lines_by_user = history.group_by("user_id").agg(
        user_total_products=pl.len(),
        user_distinct_products=pl.col("product_id").n_unique(),
        user_reorder_ratio=pl.col("reordered").filter(pl.col("order_number") > 1).mean(),
    )
    by_product = history.group_by("product_id").agg(
        prod_orders=pl.len(), prod_reorders=pl.col("reordered").sum()
    )
    buyers = pairs.group_by("product_id").agg(
        prod_first_orders=pl.len(), prod_second_orders=(pl.col("up_orders") > 1).sum()
    )
    truth = baskets.join(window.select("user_id", "order_number"), on=["user_id", "order_number"])
    known = truth["user_id"].unique().to_list()
    bought = truth.select("user_id", "product_id", is_bought=pl.lit(1))
    label = pl.when(pl.col("user_id").is_in(known)).then(pl.col("is_bought").fill_null(0))
    return (
        window.join(pairs, on="user_id")
        .join(by_user, on="user_id")
        .join(lines_by_user, on="user_id")
        .join(by_product, on="product_id")
        .join(buyers, on="product_id")
        .join(bought, on=["user_id", "product_id"], how="left")
        .with_columns(
            prod_reorder_probability=pl.col("prod_second_orders") / pl.col("prod_first_orders"),
            up_order_rate=pl.col("up_orders") / pl.col("user_orders"),
            up_orders_since_last_order=pl.col("user_orders") - pl.col("up_last_order"),
            reordered=label,
        )
        .select(TYPES.keys())
    )

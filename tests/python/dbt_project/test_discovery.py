"""The tables of discovery and next-in-cart: no leak, and an independent count."""

from itertools import permutations
from math import sqrt
from pathlib import Path

import polars as pl
import pytest

from tests.python.dbt_project.shop_builds import build_data, build_small_shop
from tests.python.dbt_project.test_leak import replace_baskets
from tests.python.dbt_runs import (
    BUILD_UNTESTED,
    Workspace,
    copy_project,
    dbt,
    make_workspace,
    query,
)

TABLES = (
    "discovery_candidates",
    "discovery_users",
    "product_neighbours",
    "product_ranks",
    "user_aisle_ranks",
)
WINDOWS = 2
VARIABLES = {"windows": WINDOWS}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Build an invented shop of 40 shoppers."""
    return build_small_shop(tmp_path_factory)


def rows(workspace: Workspace, table: str) -> pl.DataFrame:
    frame = pl.read_parquet(workspace.lake / f"{table}.parquet")
    return frame.select(sorted(frame.columns)).sort(sorted(frame.columns))


def history_of_window_0(workspace: Workspace) -> pl.DataFrame:
    """Give the lines of baskets.parquet before each shopper's order to predict."""
    targets = rows(workspace, "target_orders").filter(pl.col("orders_back") == 0)
    ends = targets.select("user_id", end="order_number")
    lines = rows(workspace, "baskets").join(ends, on="user_id")
    return lines.filter(pl.col("order_number") < pl.col("end"))


@pytest.mark.parametrize("orders_back", range(WINDOWS))
def test_baskets_from_the_target_on_change_no_table(
    built: Workspace, tmp_path: Path, orders_back: int
) -> None:
    replaced = replace_baskets(built.raw, tmp_path / "raw", orders_back)
    rebuilt = build_data(tmp_path / "workspace", replaced, VARIABLES)
    assert not rows(built, "baskets").equals(rows(rebuilt, "baskets"))
    for table in TABLES:
        # newer windows have these baskets in their histories
        before, after = (
            rows(workspace, table).filter(pl.col("orders_back") >= orders_back)
            for workspace in (built, rebuilt)
        )
        assert before.height
        assert before.equals(after), table


def test_neighbours_as_a_plain_loop_counts_them(built: Workspace) -> None:
    history = history_of_window_0(built)
    orders: dict[int, int] = {}
    pairs: dict[int, dict[int, int]] = {}
    for _, basket in history.group_by("order_id"):
        for product in basket["product_id"]:
            orders[product] = orders.get(product, 0) + 1
        for one, other in permutations(basket["product_id"], 2):
            counts = pairs.setdefault(one, {})
            counts[other] = counts.get(other, 0) + 1
    found = rows(built, "product_neighbours").filter(pl.col("orders_back") == 0)
    assert found.height > 500
    for row in found.iter_rows(named=True):
        one, other = row["product_id"], row["neighbour_id"]
        together = pairs[one][other]
        assert row["orders_together"] == together
        cosine = together / sqrt(orders[one] * orders[other]) * (together / (together + 3))
        assert row["shrunk_cosine"] == pytest.approx(cosine, rel=1e-12)
        assert row["confidence"] == pytest.approx(together / orders[one], rel=1e-12)
        shrunk = together / (orders[one] + 60)
        assert row["shrunk_confidence"] == pytest.approx(shrunk, rel=1e-12)
        # what comes before it: bought more often with the product, or as often and in more orders
        others = ((count, orders[each], -each) for each, count in pairs[one].items())
        place = 1 + sum(before > (together, orders[other], -other) for before in others)
        assert row["confidence_rank"] == place
        count = history["order_id"].n_unique()
        lift = together * count / (orders[one] * orders[other])
        assert row["lift"] == pytest.approx(lift, rel=1e-12)


def test_bought_together_as_a_plain_loop_adds_it_up(built: Workspace) -> None:
    near: dict[int, list[tuple[int, float]]] = {}
    neighbours = rows(built, "product_neighbours").filter(
        (pl.col("orders_back") == 0) & (pl.col("confidence_rank") <= 10)
    )
    for row in neighbours.iter_rows(named=True):
        scored = row["neighbour_id"], row["shrunk_confidence"]
        near.setdefault(row["product_id"], []).append(scored)
    expected: set[tuple[int, int, int, float, int]] = set()
    before_the_cut = []
    for history in history_of_window_0(built).partition_by("user_id"):
        user = history["user_id"][0]
        bought: dict[int, tuple[int, int]] = {}
        for product, number in history.select("product_id", "order_number").iter_rows():
            orders, last = bought.get(product, (0, 0))
            bought[product] = (orders + 1, max(last, number))
        own = sorted(bought, key=lambda each: (*(-part for part in bought[each]), each))[:20]
        billionths: dict[int, int] = {}
        products: dict[int, int] = {}
        for product in own:
            for neighbour, confidence in near.get(product, []):
                if neighbour not in bought:
                    billionths[neighbour] = billionths.get(neighbour, 0) + int(confidence * 10**9)
                    products[neighbour] = products.get(neighbour, 0) + 1
        before_the_cut.append(len(billionths))
        ranked = sorted(billionths, key=lambda each: (-billionths[each], each))
        expected |= {
            (user, product, place, billionths[product] / 10**9, products[product])
            for place, product in enumerate(ranked[:40], start=1)
        }
    assert max(before_the_cut) > 40
    found = rows(built, "discovery_candidates").filter(
        (pl.col("orders_back") == 0) & pl.col("together_rank").is_not_null()
    )
    names = ("user_id", "product_id", "together_rank", "together_score", "together_products")
    assert set(found.select(names).iter_rows()) == expected


def test_candidates_were_never_bought(built: Workspace) -> None:
    candidates = rows(built, "discovery_candidates")
    ends = rows(built, "target_orders").select("user_id", "orders_back", end="order_number")
    bought = rows(built, "baskets").join(ends, on="user_id")
    bought = bought.filter(pl.col("order_number") < pl.col("end"))
    key = ["user_id", "product_id", "orders_back"]
    assert candidates.height > 1000
    assert candidates.join(bought, on=key, how="semi").height == 0
    most = candidates.group_by("user_id", "orders_back").len()["len"].max()
    assert isinstance(most, int)
    assert most <= 140


# a history has one newest order: of 40 shoppers 40, with the ones before them 80, and so on
@pytest.mark.parametrize(("limit", "counted"), [(79, 40), (80, 80), (10, 40)])
def test_only_the_newest_orders_are_counted_in_a_large_shop(
    built: Workspace, tmp_path: Path, limit: int, counted: int
) -> None:
    project = copy_project(tmp_path / "project")
    model = project / "models/features/discovery/counted_orders.sql"
    text = model.read_text(encoding="utf-8")
    assert "most_orders = 600000" in text
    model.write_text(text.replace("most_orders = 600000", f"most_orders = {limit}"), "utf-8")
    workspace = make_workspace(tmp_path, built.raw, project)
    dbt(workspace, *BUILD_UNTESTED, "--select", "+product_neighbours")
    found = query(workspace, "select oldest_orders_ago, orders_counted from counted_orders")
    assert found == [(counted // 40 - 1, counted)]
    orders = pl.read_csv(built.raw / "orders.csv").filter(pl.col("eval_set") == "prior")
    newest = orders.sort("order_number", descending=True).group_by("user_id").head(counted // 40)
    lines = pl.read_csv(built.raw / "order_products__prior.csv")
    lines = lines.join(newest, on="order_id").select("order_id", "product_id")
    pairs = lines.join(lines, on="order_id").group_by("product_id", "product_id_right").len()
    together = {(one, other): count for one, other, count in pairs.iter_rows()}
    names = "product_id, neighbour_id, orders_together"
    neighbours = query(workspace, f"select {names} from product_neighbours")
    assert len(neighbours) > 100
    for one, other, count in neighbours:
        assert count == together[one, other]

"""No basket of a target order, of any shopper, enters a feature of its window."""

import shutil
from pathlib import Path

import polars as pl
import pytest

from tests.python.dbt_project.data_comparison import changed_cells
from tests.python.dbt_project.shop_builds import build_data, build_once, write_sample_shop
from tests.python.dbt_runs import Workspace, copy_project

WINDOWS = 3
VARIABLES = {"windows": WINDOWS}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Invent a shop of 40 shoppers with four orders or more, and build it."""

    def build(folder: Path) -> Workspace:
        raw = write_sample_shop(folder / "raw", users=40)
        return build_data(folder / "workspace", raw, VARIABLES)

    return build_once(tmp_path_factory, "leak", build)


@pytest.mark.parametrize("orders_back", range(WINDOWS))
def test_baskets_from_the_target_on_change_nothing_but_the_label(
    built: Workspace, tmp_path: Path, orders_back: int
) -> None:
    replaced = replace_baskets(built.raw, tmp_path / "raw", orders_back)
    rebuilt = build_data(tmp_path / "workspace", replaced, VARIABLES)
    changed = changed_cells(built.data, rebuilt.data, orders_back)
    # were no label changed, the baskets would not have been replaced
    assert changed.keys() == {"reordered"}
    for earlier in range(orders_back + 1, WINDOWS):
        assert changed_cells(built.data, rebuilt.data, earlier) == {}


def test_a_history_widened_by_one_order_is_found(built: Workspace, tmp_path: Path) -> None:
    project = copy_project(tmp_path / "project")
    model = project / "models/features/history_orders.sql"
    before, after = "order_number < user_windows", "order_number <= user_windows"
    assert model.read_text().count(before) == 1
    model.write_text(model.read_text().replace(before, after))
    replaced = replace_baskets(built.raw, tmp_path / "raw", orders_back=1)
    wide = build_data(tmp_path / "before", built.raw, VARIABLES, project)
    rebuilt = build_data(tmp_path / "after", replaced, VARIABLES, project)
    changed = changed_cells(wide.data, rebuilt.data, orders_back=1)
    assert {"key", "user_total_products", "up_average_cart_position", "prod_orders"} <= set(changed)


def replace_baskets(raw: Path, folder: Path, orders_back: int) -> Path:
    """Copy raw files, with other lines in each shopper's target order and every later order."""
    shutil.copytree(raw, folder)
    number, last = pl.col("order_number"), pl.col("order_number").max().over("user_id")
    replaced = set(pl.read_csv(raw / "orders.csv").filter(number >= last - orders_back)["order_id"])
    files = [folder / f"order_products__{eval_set}.csv" for eval_set in ("prior", "train")]
    bought = sorted(set(pl.concat([pl.read_csv(file) for file in files])["product_id"]))
    for file in files:
        lines = pl.read_csv(file)
        others = [
            (order_id, *line)
            for (order_id,), basket in lines.group_by("order_id", maintain_order=True)
            if order_id in replaced
            for line in other_basket(order_id, set(basket["product_id"]), bought)
        ]
        kept = lines.filter(~pl.col("order_id").is_in(replaced))
        pl.concat([kept, pl.DataFrame(others, lines.schema, orient="row")]).write_csv(file)
    return folder


def other_basket(order_id: int, basket: set[int], bought: list[int]) -> list[tuple[int, int, int]]:
    """Give (product_id, add_to_cart_order, reordered) of one product more, none of them in it."""
    start = order_id * 7919 % len(bought)
    others = [item for item in bought[start:] + bought[:start] if item not in basket]
    return [(item, 40 + place, 1) for place, item in enumerate(others[: len(basket) + 1])]

"""What lies before a target order, and that only one place says so."""

import ast
from pathlib import Path

import polars as pl

from ml.data.history import history
from ml.tools.paths import ROOT

LINES = pl.LazyFrame(
    {
        "user_id": [1, 1, 1, 1, 2],
        "order_number": [1, 2, 2, 3, 1],
        "product_id": [10, 10, 20, 30, 40],
    }
)


def test_the_lines_before_each_target_with_their_age() -> None:
    targets = pl.DataFrame(
        {"user_id": [1, 1, 2], "order_number": [3, 2, 1], "orders_back": [0, 1, 0], "more": "x"}
    )
    found = history(targets, LINES).sort("orders_back", "order_number", "product_id").collect()
    # the target itself is no history, and user 2 has none
    assert found.select(
        "orders_back", "product_id", "orders_ago", "target_order_number"
    ).rows() == [
        (0, 10, 1, 3),
        (0, 10, 0, 3),
        (0, 20, 0, 3),
        (1, 10, 0, 2),
    ]
    assert "more" not in found.columns


def test_targets_of_one_window_need_not_name_it() -> None:
    targets = pl.LazyFrame({"user_id": [1], "order_number": [2]})
    assert history(targets, LINES).select("product_id").collect()["product_id"].to_list() == [10]


def compared_order_numbers(path: Path) -> list[str]:
    """Give the comparisons by size in a file that order_number has a part in."""
    text = path.read_text(encoding="utf-8")
    sizes = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
    methods = {"lt", "le", "gt", "ge", "is_between"}
    found = []
    for node in ast.walk(ast.parse(text)):
        is_compared = isinstance(node, ast.Compare) and any(isinstance(o, sizes) for o in node.ops)
        is_called = (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in methods
        )
        source = ast.get_source_segment(text, node) or "" if is_compared or is_called else ""
        if "order_number" in source:
            found.append(f"{path.relative_to(ROOT)}: {source}")
    return found


def test_one_place_says_what_lies_before_a_target() -> None:
    found = [one for path in (ROOT / "ml").rglob("*.py") for one in compared_order_numbers(path)]
    assert [one.split(":")[0] for one in found] == ["ml/data/history.py"], found

"""Reasons in a shopper's words."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest

from ml.tasks.buy_again.reasons import facts, reasons

NAMES = [
    "user_orders",
    "up_orders",
    "up_last_order",
    "prod_reorder_probability",
    "up_orders_in_last_5",
    "up_median_days_between",
    "up_days_since_last_order",
    "ctx_up_days_since_last_order",
    "prod_aisle_id",
    "order_dow",
]


def table(*rows: Sequence[float | None]) -> pa.Table:
    columns = zip(*rows, strict=True)
    return pa.table(
        {name: pa.array(column, pa.float32()) for name, column in zip(NAMES, columns, strict=True)}
    )


USUAL = [9.0, 6.0, 9.0, 0.61, 5.0, 7.0, 0.0, 8.0, 3.0, 2.0]


def say(row: Sequence[float | None], **adds: float) -> str:
    contributions = np.array([[adds.get(name, -0.1) for name in NAMES]])
    (words,) = reasons(table(row), contributions)
    return words


def test_the_strongest_come_first() -> None:
    words = say(
        USUAL, up_orders_in_last_5=2, up_median_days_between=1.5, ctx_up_days_since_last_order=1
    )
    assert words == "in 5 of the last 5 orders, usually every 7 days, last 8 days ago"
    words = say(USUAL, ctx_up_days_since_last_order=2, prod_reorder_probability=1)
    assert words == "last 8 days ago, 61 % of its buyers buy it again"


def test_at_most_three_and_only_what_raises_the_chance() -> None:
    everything = dict.fromkeys(NAMES, 1.0)
    assert len(say(USUAL, **everything).split(", ")) == 3
    assert say(USUAL, prod_aisle_id=0.5) == "you often buy from this shelf"


def test_where_nothing_raises_the_chance_the_count_is_said() -> None:
    assert say(USUAL) == "in 5 of the last 5 orders"


def test_features_that_mean_the_same_are_added_up() -> None:
    # .3 and .3 for how often outweigh .5 for how recently
    words = say(USUAL, up_orders=0.3, up_orders_in_last_5=0.3, ctx_up_days_since_last_order=0.5)
    assert words == "in 5 of the last 5 orders, last 8 days ago"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"up_orders_in_last_5": 2}, "in 6 of 9 orders, last 8 days ago"),
        ({"user_orders": 1, "up_orders": 1}, "in 1 of 1 order, last 8 days ago"),
        ({"ctx_up_days_since_last_order": 1}, "in 5 of the last 5 orders, last 1 day ago"),
        ({"ctx_up_days_since_last_order": 0}, "in 5 of the last 5 orders, last today"),
        ({"ctx_up_days_since_last_order": None}, "in 5 of the last 5 orders, in the last order"),
        (
            {"ctx_up_days_since_last_order": None, "up_last_order": 7},
            "in 5 of the last 5 orders, last 3 orders ago",
        ),
    ],
)
def test_facts(changes: dict[str, float | None], expected: str) -> None:
    row = [changes.get(name, usual) for name, usual in zip(NAMES, USUAL, strict=True)]
    assert facts(table(row)) == [expected]


@pytest.mark.parametrize(
    ("last_order", "expected"), [(9, "in the last order"), (7, "last 3 orders ago")]
)
def test_before_the_order_starts_orders_are_counted_and_not_days(
    last_order: float, expected: str
) -> None:
    row = table(
        [last_order if name == "up_last_order" else v for name, v in zip(NAMES, USUAL, strict=True)]
    )
    row = row.drop_columns("ctx_up_days_since_last_order")
    assert facts(row) == [f"in 5 of the last 5 orders, {expected}"]
    adds = np.array([[float(name == "up_days_since_last_order") for name in row.column_names]])
    assert reasons(row, adds) == [expected]


def test_an_empty_value_gives_no_reason() -> None:
    row = [
        None if name == "up_median_days_between" else v
        for name, v in zip(NAMES, USUAL, strict=True)
    ]
    assert say(row, up_median_days_between=5, prod_reorder_probability=1) == (
        "61 % of its buyers buy it again"
    )

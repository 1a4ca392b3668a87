"""How often a statement reads a table on Athena, which works a CTE out wherever it is named."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from sqlglot import exp, parse_one

from tests.python.dbt_project.test_athena_sql import athena_environment, compiled_for_athena
from tests.python.dbt_runs import make_workspace

__all__ = ["athena_environment"]

# Athena bills what is read. Of these tables each is short: shoppers, products, steps, not lines.
READ_AGAIN = {
    "discovery_candidates": {
        "next_basket.discovery_users": 2,
        "next_basket.product_ranks": 3,
    },
    "discovery_users": {"next_basket.target_orders": 2},
    "history_orders": {"next_basket.decay_weights": 2},
    "product_neighbours": {"next_basket.counted_orders": 2},
    "stg_recommendations": {"predictions.latest": 2},
    "target_orders": {"next_basket.user_windows": 2},
}
READ_AGAIN_OF_ORDER_LINES = READ_AGAIN | {
    # an order's newest load needs three short columns of the lines
    "current_order_lines": {"next_basket.stg_order_lines": 2},
    # once by order, once by line
    "loads": {"next_basket.stg_order_lines": 2},
    "stg_products": {"next_basket.stg_product_lines": 2},
}
BUILT = "resource_type:model"  # and what tests them

Reads = Counter[str]


def reads(query: exp.Expr, outer: Mapping[str, Reads] | None = None) -> Reads:
    """Give each table that a query reads, and how often."""
    known = dict(outer or {})
    for cte in query.ctes if isinstance(query, exp.Query) else ():
        known[cte.alias] = reads(cte.this, known)
    found: Reads = Counter()
    for part in parts_without_ctes(query):
        if isinstance(part, exp.Table):
            name = f"{part.db}.{part.name}"
            found.update(known[part.name] if part.name in known and not part.db else {name: 1})
        found.update(reads(part, known))
    return found


def parts_without_ctes(query: exp.Expr) -> Iterator[exp.Expr]:
    return (part for part in query.iter_expressions() if not isinstance(part, exp.With))


def read_again(files: list[Path]) -> dict[str, dict[str, int]]:
    found = {file.stem: reads(parse_one(file.read_text(), read="athena")) for file in files}
    return {
        statement: again
        for statement, tables in found.items()
        if (again := {name: times for name, times in tables.items() if times > 1})
    }


@pytest.mark.usefixtures("athena_environment")
@pytest.mark.parametrize(
    ("shape", "expected"),
    [("instacart", READ_AGAIN), ("order_lines", READ_AGAIN_OF_ORDER_LINES)],
    ids=["instacart", "order_lines"],
)
def test_no_statement_reads_a_long_table_twice(
    tiny_raw: Path,
    tmp_path: Path,
    shape: str,
    expected: dict[str, dict[str, int]],
) -> None:
    variables: dict[str, object] = {"raw_shape": shape, "mode": "live", "windows": 2}
    files = compiled_for_athena(
        make_workspace(tmp_path, tiny_raw), "--select", BUILT, variables=variables
    )
    assert read_again(files) == expected


@pytest.mark.parametrize(
    ("sql", "times"),
    [
        ("select * from s.a", 1),
        ("select * from s.a union all select * from s.a", 2),
        ("select * from s.b where x in (select x from s.a) and y = (select max(y) from s.a)", 2),
        ("with c as (select * from s.a) select * from c join c as d using (x)", 2),
        (
            "with c as (select * from s.a), d as (select * from c, c as e) select * from d, d as f",
            4,
        ),
        ("with c as (select * from s.a) select 1 from s.b", 0),
        ("select * from (with c as (select * from s.a) select * from c, c as e), s.a", 3),
    ],
)
def test_a_cte_is_read_wherever_it_is_named(sql: str, times: int) -> None:
    assert reads(parse_one(sql, read="athena"))["s.a"] == times

"""Models and seeds as an analyst adds them, with what this project's own ones do not have."""

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pytest

from tests.python.dbt_runs import Workspace, copy_staging, dbt, make_workspace, query

OWN_MODELS = {
    "nested.sql": """\
{{ config(contract={'enforced': false}) }}
select
    order_id,
    {'dow': order_dow, 'name': 'day'} as day,
    [order_id, 0] as ids,
    map {'hours': [1.5, 2]} as hours,
    cast(1.25 as decimal(12, 3)) as price,
    timestamp '2026-01-31 10:00:00' as sold_at,
    sum(order_id + 9007199254740993) over () as "A Sum",
    null as unknown
from {{ ref('stg_orders') }}
-- the last line is a comment""",
    "parts.sql": """\
{{ config(
    contract={'enforced': false},
    partitioned_by=['eval_set'],
    meta={'partition_values': ['prior', 'train', 'test']}
) }}
select order_id as "The Order", eval_set from {{ ref('stg_orders') }}
-- the last line is a comment""",
    "kept.sql": """\
select order_id from {{ ref('stg_orders') }} -- with a contract""",
    "kept.yml": "models: [{name: kept, columns: [{name: order_id, data_type: bigint}]}]\n",
    "looked_at.sql": """\
{{ config(materialized='view', contract={'enforced': false}) }}
select day.dow as dow from {{ ref('nested') }}
-- a view""",
    "between.sql": """\
{{ config(materialized='ephemeral', contract={'enforced': false}) }}
select order_id from {{ ref('stg_orders') }} where order_id > 30""",
    "counted.sql": """\
{{ config(contract={'enforced': false}, schema='own') }}
select count(*) as orders from {{ ref('between') }}""",
    "grown.sql": """\
{{ config(materialized='incremental', unique_key='order_id', contract={'enforced': false}) }}
select order_id from {{ ref('stg_orders') }}
{% if is_incremental() %}where order_id > (select max(order_id) from {{ this }}){% endif %}
-- the last line is a comment""",
}


@pytest.fixture(scope="module")
def shop(tiny_raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Give a shop with the analyst's models built twice, in a folder with an apostrophe."""
    folder = tmp_path_factory.mktemp("own")
    project = copy_staging(folder / "the baker's project")
    for name, text in OWN_MODELS.items():
        (project / "models" / "staging" / name).write_text(text, encoding="utf-8")
    (project / "seeds" / "prices.csv").write_text(
        "price_id,name,price,since\n1,\"Bread, 'dark'\",2.5,2026-01-31\n2,,3,2026-02-01\n"
    )
    workspace = make_workspace(folder / "workspace", tiny_raw, project)
    selection = ["nested+", "parts", "kept", "between+", "grown", "stg_orders", "prices"]
    for _ in range(2):
        dbt(workspace, "build", "--threads", "4", "--select", *selection)
    return workspace


def test_columns_come_back_with_their_types_and_values(shop: Workspace) -> None:
    types = {name: kind for name, kind, *_ in query(shop, "describe nested")}
    assert types == {
        "order_id": "BIGINT",
        "day": 'STRUCT(dow INTEGER, "name" VARCHAR)',
        "ids": "BIGINT[]",
        "hours": "MAP(VARCHAR, DECIMAL(11,1)[])",
        "price": "DECIMAL(12,3)",
        "sold_at": "TIMESTAMP",
        "A Sum": "BIGINT",
        "unknown": "INTEGER",
    }
    [row] = query(shop, "select * from nested where order_id = 12")
    # nine orders, whose ids add up to 179
    total = 9 * 9_007_199_254_740_993 + 179
    sold_at = dt.datetime(2026, 1, 31, 10)  # noqa: DTZ001, the column has no time zone
    hours = {"hours": [Decimal("1.5"), Decimal(2)]}
    day = {"dow": 1, "name": "day"}
    assert row == (12, day, [12, 0], hours, Decimal("1.250"), sold_at, total, None)


def test_every_kind_of_model_has_its_rows(shop: Workspace) -> None:
    parts = 'select count(*), min("The Order"), max(eval_set) from parts'
    assert query(shop, parts) == [(9, 11, "train")]
    assert query(shop, "select sum(order_id) from kept") == [(179,)]
    assert query(shop, "select sum(dow) from looked_at") == [(22,)]
    assert query(shop, "select orders from next_basket_own.counted") == [(2,)]
    assert query(shop, "select sum(order_id), count(*) from grown") == [(179, 9)]


def test_a_seed_needs_no_types(shop: Workspace) -> None:
    rows = query(shop, "select price_id, name, price, since from prices order by price_id")
    assert rows == [
        (1, "Bread, 'dark'", 2.5, dt.date(2026, 1, 31)),
        (2, None, 3.0, dt.date(2026, 2, 1)),
    ]


def test_a_python_model_is_refused_in_one_sentence(shop: Workspace) -> None:
    model = shop.project / "models" / "staging" / "in_python.py"
    model.write_text("def model(dbt, session):\n    return dbt.ref('stg_orders')\n")
    output = dbt(shop, "run", "--select", "in_python", fails=True)
    model.unlink()
    assert "only supports languages ['sql']; got \"python\"" in output


def test_folders_of_removed_models_are_emptied_and_no_others(shop: Workspace) -> None:
    for name in ("looked_at.sql", "nested.sql"):
        (shop.project / "models" / "staging" / name).unlink()
    for folder in ("next_basket.own.a", "next_basket.notes.a", "other.nested.a", "next_basket.b"):
        (shop.lake / folder).mkdir()
        (shop.lake / folder / "rows.parquet").touch()
    (shop.lake / "next_basket.notes.a" / "notes.txt").touch()
    (shop.lake / "data.csv").touch()

    def files() -> set[str]:
        return {str(path.relative_to(shop.lake)) for path in shop.lake.rglob("*") if path.is_file()}

    before = files()
    removed = {name for name in before if name.startswith("next_basket.nested.")}
    assert len({name.split("/")[0] for name in removed}) == 2
    removed.add("next_basket.own.a/rows.parquet")
    output = dbt(shop, "run-operation", "clean_lake")
    assert files() == before - removed
    assert f"Emptied {shop.lake}/next_basket.nested.a." in output
    sql = "select view_name from duckdb_views() where schema_name = 'next_basket'"
    assert ("nested",) not in query(shop, sql)
    assert ("kept",) in query(shop, sql)

"""The whole project on the target `athena`: models, tests, seeds, unit tests, analyses, docs."""

import json
import re

import pytest

from tests.python.athena.athena_runs import AthenaShop, dbt, query, tables
from tests.python.dbt_runs import ROOT, Workspace
from tests.python.dbt_runs import query as query_lake

ANALYSES = sorted(path.stem for path in (ROOT / "analyses").glob("*.sql"))


def test_build_passes_without_a_warning(built_shop: AthenaShop) -> None:
    output = (built_shop.workspace.target / "build.txt").read_text()
    assert re.search(r"PASS=\d+ WARN=0 ERROR=0 SKIP=0 ", output), output[-2000:]
    results = json.loads((built_shop.workspace.target / "run_results.json").read_text())["results"]
    kinds = [result["unique_id"].partition(".")[0] for result in results]
    manifest = json.loads((built_shop.workspace.target / "manifest.json").read_text())
    # dbt lists the tests of order lines' models too, which are off in this shape
    nodes = (manifest["nodes"] | manifest["unit_tests"]).values()
    enabled = [
        node["resource_type"] for node in nodes if node["config"].get("enabled") is not False
    ]
    for kind in ("model", "seed", "test", "unit_test"):
        assert kinds.count(kind) == enabled.count(kind) > 0, kind


def test_every_model_is_a_partitioned_parquet_table_or_a_view(built_shop: AthenaShop) -> None:
    manifest = json.loads((built_shop.workspace.target / "manifest.json").read_text())
    found = tables(built_shop.api, built_shop.schema)
    models = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    assert models
    for model in models:
        entry = found[model["name"]]
        columns = [column["Name"] for column in entry["StorageDescriptor"]["Columns"]]
        keys = [key["Name"] for key in entry.get("PartitionKeys", [])]
        assert columns + keys == list(model["columns"]), model["name"]
        if model["config"]["materialized"] == "view":
            assert entry["TableType"] == "VIRTUAL_VIEW"
            continue
        assert keys == (model["config"].get("partitioned_by") or []), model["name"]
        assert entry["StorageDescriptor"]["InputFormat"].endswith("MapredParquetInputFormat")
        unique = rf"s3://next-basket-lake/{built_shop.schema}/{model['name']}/[0-9a-f-]{{36}}"
        assert re.fullmatch(unique, entry["StorageDescriptor"]["Location"].rstrip("/"))
    assert set(found) == {model["name"] for model in models} | {
        node["name"] for node in manifest["nodes"].values() if node["resource_type"] == "seed"
    }


def test_descriptions_are_in_the_catalog(built_shop: AthenaShop) -> None:
    entry = tables(built_shop.api, built_shop.schema)["stg_products"]
    comments = {
        column["Name"]: column["Comment"] for column in entry["StorageDescriptor"]["Columns"]
    }
    assert entry["Description"]
    assert all(comments.values())


@pytest.mark.parametrize(
    "model", ["stg_products", "stg_aisles", "stg_orders", "stg_order_products"]
)
def test_staged_rows_are_those_of_the_local_target(
    built_shop: AthenaShop, built_tiny_shop: Workspace, model: str
) -> None:
    """Names with commas, quotes, backslashes and accents among them."""
    local = query_lake(built_tiny_shop, f"select * from {model}")
    as_text = [tuple(None if value is None else str(value) for value in row) for row in local]
    rows = query(built_shop.api, f"select * from {built_shop.schema}.{model}")
    assert as_text
    assert sorted(rows, key=str) == sorted(as_text, key=str)


def test_docs_describe_every_table(built_shop: AthenaShop) -> None:
    dbt(built_shop, "docs", "generate")
    catalog = json.loads((built_shop.workspace.target / "catalog.json").read_text())
    described = {node["metadata"]["name"] for node in catalog["nodes"].values()}
    assert described == set(tables(built_shop.api, built_shop.schema))
    raw = [name for name in catalog["sources"] if ".raw." in name]
    assert len(raw) == 6
    stg_orders = catalog["nodes"]["model.next_basket.stg_orders"]["columns"]
    assert stg_orders["order_id"]["type"] == "bigint"


@pytest.fixture(scope="module")
def compiled_analyses(built_shop: AthenaShop) -> dict[str, str]:
    dbt(built_shop, "compile", "--select", "resource_type:analysis")
    folder = built_shop.workspace.target / "compiled/next_basket/analyses"
    return {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.sql")}


@pytest.mark.parametrize("name", ANALYSES)
def test_analyses_give_what_they_give_locally(
    built_shop: AthenaShop,
    built_tiny_shop: Workspace,
    compiled_analyses: dict[str, str],
    name: str,
) -> None:
    local_sql = compiled_analyses[name].replace('"awsdatacatalog".', "")
    local_sql = local_sql.replace(f'"{built_shop.schema}".', "next_basket.")
    local = query_lake(built_tiny_shop, local_sql)
    rows = query(built_shop.api, compiled_analyses[name])
    assert local
    assert rows == [tuple(_as_athena_text(value) for value in row) for row in local]


def _as_athena_text(value: object) -> str | None:
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.mark.usefixtures("api", "trino_only")
def test_freshness_is_read_from_the_objects(built_shop: AthenaShop) -> None:
    output = dbt(built_shop, "source", "freshness", variables={"raw_max_age_hours": 24})
    assert output.count("PASS freshness of raw.") == 6


def test_a_view_reads_what_its_model_says(built_shop: AthenaShop) -> None:
    """History of windows: shopper 1 has three prior orders, 2 has two, 3 has one."""
    sql = f"select count(*) from {built_shop.schema}.history_orders where orders_back = 0"
    assert query(built_shop.api, sql) == [("6",)]

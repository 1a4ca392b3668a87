"""The whole project on the target `athena`: models, tests, seeds, unit tests, analyses, docs."""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace

import pytest

from glue.cloud.prediction_tables import publish_tables
from glue.settings import read_settings
from ml.tasks.registry import TASKS
from ml.tasks.task import PUBLISHED
from ml.tools.s3 import sha256_of_objects
from tests.athena_api.clients import make_client
from tests.python.athena.athena_runs import AthenaShop, dbt, make_shop, query, tables
from tests.python.dbt_runs import ROOT, Workspace, make_workspace
from tests.python.dbt_runs import dbt as dbt_on_lake
from tests.python.dbt_runs import query as query_lake
from tests.python.invented_predictions import OF_TINY_SHOP, publish

LAKE = "s3://next-basket-lake"
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
def predicted_shop(
    built_shop: AthenaShop, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AthenaShop]:
    """Give the built shop with predictions of two runs, in a database of their own."""
    folder = tmp_path_factory.mktemp("predicted")
    own = {"ATHENA_PREDICTIONS_SCHEMA": "predicted", "NEXT_BASKET_ARTIFACTS": f"{LAKE}/artifacts/"}
    api = replace(built_shop.api, environment=built_shop.api.environment | own)
    shop = make_shop(api, built_shop.schema, folder)
    dbt(shop, "show", "--inline", "select 1 as one")
    s3 = make_client("s3", api.url)
    with pytest.MonkeyPatch.context() as patch:
        for variable, value in shop.environment.items():
            patch.setenv(variable, value)
        settings = read_settings()
        for run_id in ("a", "b"):
            place = settings.run(run_id).below("predictions")
            for task in TASKS:
                rows = OF_TINY_SHOP.filter(run=run_id, task=task.name)
                rows.write_parquet(folder / PUBLISHED)
                key = place.key(f"{task.name}/{PUBLISHED}")
                s3.upload_file(str(folder / PUBLISHED), place.bucket, key)
            publish_tables(settings, run_id, sha256_of_objects(s3, place))
        yield shop


def test_published_predictions_are_read_as_the_latest_and_by_run(
    predicted_shop: AthenaShop,
) -> None:
    """The tables are those that dbt made; a partition of the history is a run."""
    sql = "select run, count(*) from predicted.{} group by 1 order by 1"
    assert query(predicted_shop.api, sql.format("latest")) == [("b", "5")]
    assert query(predicted_shop.api, sql.format("history")) == [("a", "2"), ("b", "5")]
    one_run = "select product_id, is_in_basket from predicted.history where run = 'a' limit 1"
    assert query(predicted_shop.api, one_run) == [("300", None)]


@pytest.fixture(scope="module")
def compiled_analyses(predicted_shop: AthenaShop) -> dict[str, str]:
    dbt(predicted_shop, "compile", "--select", "resource_type:analysis")
    folder = predicted_shop.workspace.target / "compiled/next_basket/analyses"
    return {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.sql")}


@pytest.fixture(scope="module")
def local_shop(built_tiny_shop: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Give a copy of the local shop with the same predictions."""
    folder = tmp_path_factory.mktemp("local")
    shop = make_workspace(folder, built_tiny_shop.raw)
    shutil.copytree(built_tiny_shop.lake, shop.lake, dirs_exist_ok=True)
    publish(shop.lake, OF_TINY_SHOP, folder)
    dbt_on_lake(shop, "show", "--inline", "select 1 as one")
    return shop


@pytest.mark.parametrize("name", ANALYSES)
def test_analyses_give_what_they_give_locally(
    built_shop: AthenaShop,
    local_shop: Workspace,
    compiled_analyses: dict[str, str],
    name: str,
) -> None:
    local_sql = compiled_analyses[name].replace('"awsdatacatalog".', "")
    local_sql = local_sql.replace(f'"{built_shop.schema}".', "next_basket.")
    local = query_lake(local_shop, local_sql.replace('"predicted".', "predictions."))
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

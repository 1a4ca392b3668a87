"""What analysts type every day, in a schema where nothing is built yet."""

from pathlib import Path

import pytest

from tests.athena_api import RunningApi
from tests.athena_api.clients import make_client
from tests.python.athena.athena_runs import AthenaShop, dbt, make_shop, query, tables
from tests.python.dbt_runs import copy_staging

NOTHING_BUILT = "reads what is not built in schema everyday of target athena: "


@pytest.fixture(scope="module")
def fresh(
    session_api: RunningApi, tiny_raw: Path, tmp_path_factory: pytest.TempPathFactory
) -> AthenaShop:
    """Give a shop in which nothing is built."""
    session_api.load_raw(tiny_raw)
    return make_shop(session_api, "everyday", tmp_path_factory.mktemp("everyday"))


def databases(api: RunningApi) -> set[str]:
    """Give the names of all databases in the catalog."""
    found = make_client("glue", api.url).get_databases()["DatabaseList"]
    return {database["Name"] for database in found}


@pytest.mark.parametrize("command", ["parse", "ls", "compile", "docs generate --empty-catalog"])
def test_looking_at_the_project_leaves_nothing(fresh: AthenaShop, command: str) -> None:
    before = databases(fresh.api)
    assert "everyday" not in before
    output = dbt(fresh, *command.split())
    assert "warn" not in output.lower().replace("warn=0", "")
    assert databases(fresh.api) == before


def test_docs_of_a_schema_that_is_not_there_say_what_to_do(fresh: AthenaShop) -> None:
    before = databases(fresh.api)
    output = dbt(fresh, "docs", "generate", fails=True)
    assert "Database everyday is not in the Glue catalog, and docs describe what is there" in output
    assert databases(fresh.api) == before


def test_a_selection_is_built_and_tested_in_an_empty_schema(fresh: AthenaShop) -> None:
    output = dbt(fresh, "run", "--select", "products", fails=True)
    assert f"{NOTHING_BUILT}stg_aisles, stg_departments, stg_products. Run `dbt build`" in output
    output = dbt(fresh, "test", "--select", "stg_orders", fails=True)
    assert f"{NOTHING_BUILT}stg_orders. Run `dbt build` first" in output
    assert "bakery" in dbt(fresh, "show", "--select", "stg_departments")

    output = dbt(fresh, "build", "--select", "stg_orders")
    assert "PASS unique_stg_orders_order_id" in output
    assert "foreign_key_stg_order_products" not in output
    assert set(tables(fresh.api, "everyday")) == {"stg_orders"}
    assert query(fresh.api, "select count(*) from everyday.stg_orders") == [("9",)]


def test_a_long_seed_without_types_is_written(api: RunningApi, tmp_path: Path) -> None:
    """Of more bytes than Athena takes in one statement; over a seed that is there, too."""
    project = copy_staging(tmp_path / "project")
    lines = [f'{i},{i}.5,"it\'s {"ö" * 200}, {i}"' for i in range(1_500)]
    (project / "seeds" / "prices.csv").write_text("\n".join(["id,price,name", *lines, ""]))
    shop = make_shop(api, "long_seed", tmp_path / "shop", project)
    for _ in range(2):
        dbt(shop, "seed", "--select", "prices")
        sql = "select count(*), sum(id), sum(price), min(name) from long_seed.prices"
        [(count, ids, prices, name)] = query(api, sql)
        assert (count, ids, float(prices or 0)) == ("1500", "1124250", 1_125_000.0)
        assert name == f"it's {'ö' * 200}, 0"

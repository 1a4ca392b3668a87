"""Glue says what built each table, and a build of a part is held against it."""

from collections.abc import Callable

import pytest

from ml.lake.athena import find_tables
from ml.lake.builds import Build
from tests.python.athena.athena_runs import AthenaShop, dbt, tables


def test_part_of_the_lake_is_not_built_with_other_vars(
    make_athena_shop: Callable[[str], AthenaShop], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = make_athena_shop("built_tables")
    live = {"mode": "live", "windows": 2}
    dbt(shop, "run", "--select", "+target_orders", variables=live)

    for name, value in shop.environment.items():
        monkeypatch.setenv(name, value)
    version = tables(shop.api, shop.schema)["stg_orders"]["Parameters"]["built_version"]
    assert [table.build for table in find_tables(shop.schema, ["stg_orders", "target_orders"])] == [
        Build(None, None, version),
        Build("live", 2, version),
    ]

    before = tables(shop.api, shop.schema)
    refused = " ".join(dbt(shop, "run", "--select", "target_orders", fails=True).split())
    assert (
        "This is a build of a part with mode: benchmark, windows: 1, but what stays as it is was"
        " built otherwise, user_windows with mode: live, windows: 2: add --vars '{mode: live,"
        " windows: 2}', or build everything anew, `dbt build --vars '{mode: benchmark,"
        " windows: 1}'`."
    ) in refused
    assert tables(shop.api, shop.schema) == before

    dbt(shop, "run", "--select", "stg_orders")
    dbt(shop, "run", "--select", "+target_orders")
    (build,) = (table.build for table in find_tables(shop.schema, ["target_orders"]))
    assert build == Build("benchmark", 1, version)

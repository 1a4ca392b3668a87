"""Build and export both targets as a user does, and open what they hold side by side."""

import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from ml.lake.athena import AthenaTable, copy_tables, find_tables, select_copied
from ml.lake.export import EXPORTED, OF_LOADS
from ml.tools.paths import path_literal, text_literal
from tests.athena_api import RunningApi
from tests.athena_api.clients import make_client
from tests.parity.comparison import Compared, compare_bytes, compare_tables
from tests.python import dbt_runs
from tests.python.athena import athena_runs
from tests.python.athena.athena_runs import AthenaShop
from tests.python.dbt_runs import BUILD_UNTESTED, Workspace, make_workspace

# an upload writes a load's files anew, for Athena's reader
_OF_A_FILE = {
    "file_name",
    "load_identity",
    "load_bytes",
    "first_read_at",
    "read_at",
    "last_read_at",
}


@dataclass(frozen=True)
class Shop:
    """What is built: raw files, and dbt's vars."""

    name: str
    raw: Path
    mode: str
    windows: int
    raw_shape: str = "instacart"

    @property
    def schema(self) -> str:
        """Glue database of its own, so that one shop's tables are not another's."""
        return f"parity_{self.name}_{self.mode}_{self.windows}"


@dataclass(frozen=True)
class Built:
    """A shop that was built and exported on both targets."""

    local: Workspace
    athena: AthenaShop


def build_both(api: RunningApi, shop: Shop, folder: Path) -> Built:
    """Build a shop on both targets, without dbt's tests, and export both."""
    built = Built(
        make_workspace(folder / "local", shop.raw),
        athena_runs.make_shop(api, shop.schema, folder / "athena"),
    )
    build_again(api, shop, built)
    return built


def build_again(api: RunningApi, shop: Shop, built: Built) -> None:
    """Build both targets from the raw files as they are now, and export both."""
    api.upload_raw(shop.raw)
    variables = {"raw_shape": shop.raw_shape, "mode": shop.mode, "windows": shop.windows}
    # no test changes a row, and `dbt build` runs them elsewhere
    dbt_runs.dbt(built.local, *BUILD_UNTESTED, variables=variables)
    dbt_runs.export(built.local)
    athena_runs.dbt(built.athena, *BUILD_UNTESTED, variables=variables)
    athena_runs.export(built.athena)


def compare(built: Built) -> list[Compared]:
    """Compare every model and seed of both targets, and the exported files."""
    with both_targets(built) as (connection, models):
        compared = [
            compare_tables(
                connection,
                name,
                _of_both(connection, f"local_lake.{name}"),
                _of_both(connection, f"athena.{name}"),
                key,
            )
            for name, key in models.items()
        ]
        # the order of rows is promised for data.csv alone
        exported = [*EXPORTED, *(name for name in OF_LOADS if name in models)]
        for name in (f"{table}.parquet" for table in exported):
            local, athena = (
                _of_both(connection, f"read_parquet({path_literal(workspace.lake / name)})")
                for workspace in (built.local, built.athena.workspace)
            )
            compared.append(compare_tables(connection, name, local, athena, []))
    files = ("contract.json", "data.csv")
    return compared + [
        compare_bytes(built.local.lake / name, built.athena.workspace.lake / name) for name in files
    ]


def _of_both(connection: duckdb.DuckDBPyConnection, table: str) -> str:
    """Leave out what tells where and when a load's file was read, which is not the same on both."""
    columns = [name for name, *_ in connection.execute(f"describe from {table}").fetchall()]
    kept = [f'"{name}"' for name in columns if name not in _OF_A_FILE]
    return f"(select {', '.join(kept)} from {table})"


@contextmanager
def both_targets(
    built: Built,
) -> Iterator[tuple[duckdb.DuckDBPyConnection, dict[str, list[str]]]]:
    """Connect to all models as `local_lake.<model>` and `athena.<model>`; give their keys too."""
    shop = built.athena
    manifest = json.loads((shop.workspace.target / "manifest.json").read_text())
    models = _models(manifest)
    views = [name for name in models if _is_view(manifest, name)]
    with _environment(shop.environment), duckdb.connect() as connection:
        tables = find_tables(shop.schema, [name for name in models if name not in views])
        tables += _copied_views(shop, views)
        folder = shop.workspace.target / f"compared-{len(list(shop.workspace.target.iterdir()))}"
        copy_tables(tables, folder)
        lake = str(built.local.lake / "lake.duckdb")
        connection.execute(f"attach {text_literal(lake)} as lake (read_only)")
        for schema in ("athena", "local_lake"):
            connection.execute(f"create schema {schema}")
        for table in tables:
            name = table.name
            connection.execute(f"create view athena.{name} as {select_copied(table, folder)}")
            connection.execute(f"create view local_lake.{name} as from lake.next_basket.{name}")
        yield connection, models


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """Bring the AWS clients of this process to the stand-in."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _models(manifest: dict[str, Any]) -> dict[str, list[str]]:
    """Give each model's and seed's key: the columns that its first test of uniqueness names."""
    keys: dict[str, list[str]] = {}
    for node in manifest["nodes"].values():
        test = node.get("test_metadata") or {"name": ""}
        if test["name"] in ("unique", "unique_key"):
            columns = test["kwargs"].get("columns") or [node["column_name"]]
            keys.setdefault(node["attached_node"], columns)
    return {
        node["alias"]: keys.get(unique_id, [])
        for unique_id, node in sorted(manifest["nodes"].items())
        if node["resource_type"] in ("model", "seed")
    }


def _is_view(manifest: dict[str, Any], model: str) -> bool:
    node = manifest["nodes"].get(f"model.next_basket.{model}")
    return bool(node) and node["config"]["materialized"] == "view"


def _copied_views(shop: AthenaShop, views: list[str]) -> list[AthenaTable]:
    """Let Athena write what its views give into tables, which can be read as files."""
    scratch = f"{shop.schema}_views"
    glue = make_client("glue", shop.api.url)
    if scratch in [entry["Name"] for entry in glue.get_databases()["DatabaseList"]]:
        glue.delete_database(Name=scratch)
    glue.create_database(DatabaseInput={"Name": scratch})
    place = f"{shop.environment['ATHENA_RESULTS']}{scratch}/{uuid.uuid4()}"
    for view in views:
        done = athena_runs.execute(
            shop.api,
            f"create table {scratch}.{view}"
            f" with (format = 'PARQUET', external_location = '{place}/{view}')"
            f" as select * from {shop.schema}.{view}",
        )
        assert done.state == "SUCCEEDED", done.reason
    return find_tables(scratch, views)

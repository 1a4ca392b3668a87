"""`ml export --target athena`: the same files as from the local lake, or one clear sentence."""

import os
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

import ml.lake.athena
from ml.__main__ import cli
from ml.lake.athena import AthenaTable
from ml.lake.export import EXPORTED
from tests.athena_api.clients import bucket_and_key, list_objects, make_client
from tests.python import dbt_runs
from tests.python.athena.athena_runs import AthenaShop, dbt, export, tables
from tests.python.dbt_runs import Workspace


def export_here(shop: AthenaShop, out: Path, monkeypatch: pytest.MonkeyPatch) -> Result:
    """Run the export in this process, so that a test can look into it."""
    for name, value in shop.environment.items():
        if os.environ.get(name) != value:
            monkeypatch.setenv(name, value)
    manifest = str(shop.workspace.target / "manifest.json")
    arguments = ["export", "--target", "athena", "--manifest", manifest, "--out", str(out)]
    return CliRunner().invoke(cli, arguments)


def test_files_are_those_of_the_local_target(
    built_shop: AthenaShop, built_tiny_shop: Workspace
) -> None:
    dbt_runs.export(built_tiny_shop)
    export(built_shop)
    for name in ("data.csv", "contract.json"):
        local, athena = built_tiny_shop.lake / name, built_shop.workspace.lake / name
        assert local.read_bytes() == athena.read_bytes(), name
    for name in EXPORTED:
        rows = [
            pl.read_parquet(lake / f"{name}.parquet")
            for lake in (built_tiny_shop.lake, built_shop.workspace.lake)
        ]
        assert rows[0].height > 0
        assert rows[0].schema == rows[1].schema
        assert rows[0].sort(pl.all()).equals(rows[1].sort(pl.all())), name
    # nothing of what was copied from S3 is left
    assert {path.name for path in built_shop.workspace.lake.iterdir()} == {
        *("data.csv", "contract.json", *(f"{name}.parquet" for name in EXPORTED))
    }


def test_a_schema_that_was_never_built_is_named(
    make_athena_shop: Callable[[str], AthenaShop],
) -> None:
    shop = make_athena_shop("never_built")
    dbt(shop, "parse")
    output = export(shop, fails=True)
    assert output.endswith(
        "Error: Table never_built.candidates is not in the Glue catalog:"
        " run `dbt build --target athena` first.\n"
    )
    assert list(shop.workspace.lake.iterdir()) == []


def test_tables_that_are_rebuilt_meanwhile_are_refused(
    built_shop: AthenaShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    glue = make_client("glue", built_shop.api.url)
    entry = tables(built_shop.api, built_shop.schema)["products"]
    table = {
        key: entry[key]
        for key in ("Name", "Description", "TableType", "StorageDescriptor", "Parameters")
    }
    storage = table["StorageDescriptor"]
    swapped = table | {"StorageDescriptor": storage | {"Location": "s3://next-basket-lake/new"}}
    copy = ml.lake.athena.copy_tables

    def copy_while_dbt_swaps(found: list[AthenaTable], folder: Path) -> None:
        copy(found, folder)
        glue.update_table(DatabaseName=built_shop.schema, TableInput=swapped)

    monkeypatch.setattr(ml.lake.athena, "copy_tables", copy_while_dbt_swaps)
    (tmp_path / "data.csv").write_text("the last good one")
    done = export_here(built_shop, tmp_path / "data.csv", monkeypatch)
    glue.update_table(DatabaseName=built_shop.schema, TableInput=table)
    assert done.exit_code == 1
    assert done.output.endswith(
        "Error: Tables of built_shop were rebuilt while they were read: wait for the build, then"
        " export again.\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["data.csv"]
    assert (tmp_path / "data.csv").read_text() == "the last good one"


def test_an_object_that_is_gone_meanwhile_is_a_rebuild(
    built_shop: AthenaShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3 = make_client("s3", built_shop.api.url)
    place = tables(built_shop.api, built_shop.schema)["products"]["StorageDescriptor"]["Location"]
    bucket, _ = bucket_and_key(place)
    key = next(list_objects(s3, place))["Key"]
    body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    copy = ml.lake.athena.copy_tables

    def copy_what_is_gone(found: list[AthenaTable], folder: Path) -> None:
        s3.delete_object(Bucket=bucket, Key=key)
        copy(found, folder)

    monkeypatch.setattr(ml.lake.athena, "copy_tables", copy_what_is_gone)
    done = export_here(built_shop, tmp_path / "data.csv", monkeypatch)
    s3.put_object(Bucket=bucket, Key=key, Body=body)
    assert done.exit_code == 1
    assert "were rebuilt while they were read" in done.output
    assert list(tmp_path.iterdir()) == []


def test_what_aws_refuses_is_one_sentence(
    built_shop: AthenaShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built_shop.api.fail_next("GetTable", "AccessDeniedException")
    done = export_here(built_shop, tmp_path / "data.csv", monkeypatch)
    built_shop.api.clear_faults()
    assert done.exit_code == 1
    sentence = done.output.splitlines()[-1]
    assert sentence.startswith("Error: AWS refused GetTable (AccessDeniedException): ")

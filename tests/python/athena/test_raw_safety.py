"""dbt never touches raw files, and refuses to run where it could."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from glue.raw.locations import location_faults, overlap
from glue.settings import read_settings
from ml.tools.s3 import location
from tests.athena_api import RunningApi
from tests.athena_api.clients import list_objects, make_client
from tests.python.athena.athena_runs import AthenaShop, dbt, make_shop, tables
from tests.python.dbt_runs import BUILD_UNTESTED, copy_project

RAW = "next-basket-raw"

RawObjects = dict[tuple[str, str], tuple[bool, str]]


def raw_objects(api: RunningApi) -> RawObjects:
    """Give every version of every raw object: whether it is the latest, and a hash of its bytes."""
    s3 = make_client("s3", api.url)
    found: RawObjects = {}
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=RAW):
        for version in page.get("Versions", []):
            content = version["ETag"]
            # the tests before have left hundreds of versions, of which S3's own hash will do
            if version["IsLatest"]:
                body = s3.get_object(Bucket=RAW, Key=version["Key"])["Body"].read()
                content = hashlib.sha256(body).hexdigest()
            found[version["Key"], version["VersionId"]] = (version["IsLatest"], content)
        for marker in page.get("DeleteMarkers", []):
            found[marker["Key"], marker["VersionId"]] = (marker["IsLatest"], "deleted")
    return found


@pytest.fixture
def untouched(api: RunningApi) -> Iterator[RawObjects]:
    """Check at the end of a test that every raw object is the same version with the same bytes."""
    before = raw_objects(api)
    latest = {key for (key, _), (is_latest, content) in before.items() if is_latest}
    assert len(latest) >= 6
    yield before
    assert raw_objects(api) == before


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a copy of the project that tests change, each in its own file."""
    return copy_project(tmp_path_factory.mktemp("unsafe") / "project")


@pytest.fixture
def shop(api: RunningApi, project: Path, tmp_path: Path) -> AthenaShop:
    return make_shop(api, "raw_safety", tmp_path, project)


def refused(shop: AthenaShop, **variables: str) -> str:
    """Give what dbt says when it refuses to build one small model."""
    api = replace(shop.api, environment=shop.api.environment | variables)
    schema = variables.get("ATHENA_SCHEMA", shop.schema)
    unsafe = AthenaShop(api, schema, shop.workspace)
    return dbt(unsafe, "run", "--select", "stg_aisles", fails=True)


def test_builds_leave_every_raw_object_as_it_was(
    shop: AthenaShop, project: Path, untouched: RawObjects
) -> None:
    assert untouched
    dbt(shop, *BUILD_UNTESTED)
    assert "candidates" in tables(shop.api, shop.schema)
    # what reads raw files, and a model more, stands for the rest of the second and third time
    again = (*BUILD_UNTESTED, "--select", "path:models/staging", "target_orders")
    dbt(shop, *again)
    dbt(shop, *again, "--full-refresh")
    model = project / "models/staging/stg_products.sql"
    text = model.read_text()
    assert "cast(product_id as bigint)" in text
    model.write_text(
        text.replace("cast(product_id as bigint)", "cast('x' || product_id as bigint)")
    )
    try:
        assert "INVALID_CAST_ARGUMENT" in dbt(shop, *BUILD_UNTESTED, fails=True)
    finally:
        model.write_text(text)


@pytest.mark.parametrize(
    ("variable", "place"),
    [
        ("ATHENA_LAKE", f"s3://{RAW}/"),
        ("ATHENA_LAKE", f"s3://{RAW}/orders/marts"),
        ("ATHENA_RESULTS", f"s3://{RAW}/products/"),
    ],
)
@pytest.mark.usefixtures("untouched")
def test_places_that_hold_raw_files_are_refused(
    shop: AthenaShop, variable: str, place: str
) -> None:
    output = refused(shop, **{variable: place})
    setting = {"ATHENA_LAKE": "s3_data_dir", "ATHENA_RESULTS": "s3_staging_dir"}[variable]
    assert f"{setting} of the profile lies in {place}, raw table raw." in output
    assert "dbt would delete raw files" in output


@pytest.mark.usefixtures("untouched")
def test_a_neighbour_with_a_like_name_is_not_refused(shop: AthenaShop) -> None:
    beside = shop.api.environment | {"ATHENA_LAKE": f"s3://{RAW}-not/orders/"}
    make_client("s3", shop.api.url).create_bucket(Bucket=f"{RAW}-not")
    api = replace(shop.api, environment=beside)
    dbt(AthenaShop(api, "raw_neighbour", shop.workspace), "run", "--select", "stg_aisles")


@pytest.mark.usefixtures("untouched")
def test_the_database_of_raw_tables_is_refused(shop: AthenaShop) -> None:
    output = refused(shop, ATHENA_SCHEMA="raw")
    assert "would be built in raw, the Glue database of the raw tables" in output


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            f"external_location='s3://{RAW}/orders/'",
            f"model unsafe has the config external_location (s3://{RAW}/orders/): remove it",
        ),
        (
            f"s3_data_dir='s3://{RAW}/orders/deeper'",
            f"s3_data_dir of model unsafe lies in s3://{RAW}/orders/deeper, raw table raw.orders",
        ),
        ("schema='RAW'", None),
    ],
)
@pytest.mark.usefixtures("untouched")
def test_a_model_pointed_at_raw_is_refused(
    shop: AthenaShop, project: Path, config: str, message: str | None
) -> None:
    model = project / "models/unsafe.sql"
    model.write_text(
        "{{ config(contract={'enforced': false}, " + config + ") }}\nselect 1 as order_id\n"
    )
    macro = project / "macros/generate_schema_name.sql"
    macro.write_text(
        "{% macro generate_schema_name(custom_schema_name, node) -%}\n"
        "{{ custom_schema_name or target.schema }}\n{%- endmacro %}\n"
    )
    try:
        output = refused(shop)
    finally:
        model.unlink()
        macro.unlink()
    assert (message or "model unsafe would be built in RAW, the Glue database of the raw") in output


@pytest.mark.usefixtures("untouched")
def test_a_table_that_lies_on_raw_files_is_not_replaced(shop: AthenaShop) -> None:
    glue = make_client("glue", shop.api.url)
    glue.create_database(DatabaseInput={"Name": "on_raw_files"})
    storage = tables(shop.api, "raw")["aisles"]["StorageDescriptor"]
    entry = {"Name": "stg_aisles", "TableType": "EXTERNAL_TABLE", "StorageDescriptor": storage}
    glue.create_table(DatabaseName="on_raw_files", TableInput=entry)
    output = refused(shop, ATHENA_SCHEMA="on_raw_files")
    assert "Table on_raw_files.stg_aisles, which this project replaces, lies in" in output


@pytest.mark.usefixtures("untouched")
def test_an_enforced_output_location_is_refused(shop: AthenaShop) -> None:
    enforced = {
        "EnforceWorkGroupConfiguration": True,
        "ResultConfiguration": {"OutputLocation": "s3://next-basket-results/enforced/"},
    }
    athena = make_client("athena", shop.api.url)
    athena.create_work_group(Name="enforced", Configuration=enforced)
    output = refused(shop, ATHENA_WORK_GROUP="enforced")
    assert "Work group enforced enforces its own output location" in output


def test_a_schema_of_another_stage_is_refused(shop: AthenaShop) -> None:
    output = refused(shop, NEXT_BASKET_STAGE="dev", ATHENA_SCHEMA="next_basket")
    assert "ATHENA_SCHEMA is next_basket, which is not of stage dev: set all settings" in output
    own = refused(shop, NEXT_BASKET_STAGE="dev", ATHENA_SCHEMA="x_dev", ATHENA_WORK_GROUP="none")
    assert "which is not of stage" not in own


def test_a_raw_table_that_is_not_catalogued_stops_the_run(shop: AthenaShop) -> None:
    make_client("glue", shop.api.url).delete_table(DatabaseName="raw", Name="departments")
    assert "Raw table raw.departments is not in the Glue catalog" in refused(shop)
    assert list(list_objects(make_client("s3", shop.api.url), f"s3://{RAW}/departments/"))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("s3://a/", "s3://b/", False),
        ("s3://a/", "s3://a/x/", True),
        ("s3://a/x/", "s3://a/x/y", True),
        ("s3://a/x", "s3://a/x/", True),
        ("s3://a/x/", "s3://a/xy/", False),
        ("s3://a/x/", "s3://b/x/", False),
    ],
)
def test_places_within_each_other_are_found(one: str, other: str, *, expected: bool) -> None:
    assert overlap(location(one), location(other)) is expected
    assert overlap(location(other), location(one)) is expected


def test_faults_of_an_installation_are_found_before_there_are_tables(api: RunningApi) -> None:
    athena, s3 = make_client("athena", api.url), make_client("s3", api.url)
    good = {"NEXT_BASKET_ARTIFACTS": "s3://next-basket-artifacts/"} | api.environment
    assert location_faults(read_settings(good), athena, s3) == []
    s3.create_bucket(Bucket="unversioned")
    athena.create_work_group(
        Name="enforcing", Configuration={"EnforceWorkGroupConfiguration": True}
    )
    bad = good | {
        "ATHENA_RAW": "s3://unversioned/shop/",
        "ATHENA_LAKE": "s3://unversioned/shop/lake/",
        "ATHENA_RESULTS": "s3://unversioned/shop/lake/results/",
        "ATHENA_SCHEMA": "raw",
        "ATHENA_WORK_GROUP": "enforcing",
    }
    faults = location_faults(read_settings(bad), athena, s3)
    assert [fault.partition(":")[0] for fault in faults] == [
        "The raw zone s3",
        "The raw zone s3",
        "The lake s3",
        "Raw tables and dbt's tables share the Glue database raw",
        "Work group enforcing enforces its own output location",
        "Bucket unversioned keeps no versions",
    ]

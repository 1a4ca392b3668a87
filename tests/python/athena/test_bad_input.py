"""Bad input on the target `athena`: stopped with a message that names it; good tables stay."""

import codecs
import gzip
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.athena_api import RunningApi
from tests.athena_api.clients import make_client
from tests.python.athena.athena_runs import (
    AthenaShop,
    Rows,
    contents,
    dbt,
    make_shop,
    tables,
)
from tests.python.dbt_runs import ROOT
from tests.python.raw_damages import BAD_ROWS, BAD_VALUES, UNREADABLE_FILES, Damage, damage_files
from tests.python.tiny_shop import FILES

# what reads the raw files, and two models after it
UPSTREAM = (
    *("--select", "source:raw", "path:models/staging", "+target_orders"),
    *("--indirect-selection", "cautious", "--exclude-resource-type", "unit_test"),
)


@pytest.fixture(scope="module")
def good_shop(
    session_api: RunningApi, tiny_raw: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[AthenaShop, dict[str, Rows]]:
    """Give a shop with a good last build of its first models, and the rows of that."""
    session_api.load_raw(tiny_raw)
    shop = make_shop(session_api, "bad_input", tmp_path_factory.mktemp("bad-input"))
    dbt(shop, "build", *UPSTREAM)
    return shop, contents(shop)


def load_damaged(api: RunningApi, tiny_raw: Path, folder: Path, damage: Damage) -> None:
    """Load the tiny shop with one damage, as it is uploaded, into the raw zone."""
    shutil.copytree(tiny_raw, folder)
    damage_files(folder, damage)
    api.upload_raw(folder)


@pytest.mark.parametrize("damage", BAD_VALUES.values(), ids=BAD_VALUES.keys())
def test_bad_values_stop_the_build(
    api: RunningApi,
    good_shop: tuple[AthenaShop, dict[str, Rows]],
    tiny_raw: Path,
    tmp_path: Path,
    damage: Damage,
) -> None:
    """The same sentences as on the local target, and nothing downstream is built."""
    shop, good_rows = good_shop
    load_damaged(api, tiny_raw, tmp_path / "raw", damage)
    output = dbt(shop, "build", *UPSTREAM, fails=True)
    for message in damage.messages:
        assert message in output
    if "target_orders" in damage.built:
        return
    assert "SKIP relation bad_input.target_orders" in output
    assert contents(shop) == good_rows


@pytest.mark.parametrize("damage", BAD_ROWS.values(), ids=BAD_ROWS.keys())
def test_bad_rows_fail_the_test_that_names_them(
    api: RunningApi,
    tiny_raw: Path,
    tmp_path: Path,
    rows_shop: AthenaShop,
    damage: Damage,
) -> None:
    """The same failing tests with the same counts as on the local target."""
    load_damaged(api, tiny_raw, tmp_path / "raw", damage)
    names = [message.rpartition(" ")[2] for message in damage.messages]
    selected = [part for name in names for part in ("--select", f"+{name}")]
    output = dbt(rows_shop, "build", *selected, "--indirect-selection", "empty", fails=True)
    for message in damage.messages:
        assert message in output


@pytest.fixture(scope="module")
def rows_shop(session_api: RunningApi, tmp_path_factory: pytest.TempPathFactory) -> AthenaShop:
    """Give a schema for tests that only ask which of dbt's tests fail."""
    return make_shop(session_api, "bad_rows", tmp_path_factory.mktemp("bad-rows"))


def test_failing_test_keeps_what_is_downstream(
    api: RunningApi,
    good_shop: tuple[AthenaShop, dict[str, Rows]],
    tiny_raw: Path,
    tmp_path: Path,
) -> None:
    shop, good_rows = good_shop
    load_damaged(api, tiny_raw, tmp_path / "raw", BAD_ROWS["duplicate-order"])
    output = dbt(shop, "build", *UPSTREAM, fails=True)
    assert "FAIL 1 unique_stg_orders_order_id" in output
    assert "SKIP relation bad_input.target_orders" in output
    assert contents(shop)["target_orders"] == good_rows["target_orders"]


@pytest.mark.parametrize("longer", ["shop,{}\n", "{},shop\n"], ids=["extra-first", "extra-last"])
def test_bom_crlf_gzip_and_an_extra_column_are_read_right(
    api: RunningApi,
    good_shop: tuple[AthenaShop, dict[str, Rows]],
    tiny_raw: Path,
    tmp_path: Path,
    longer: str,
) -> None:
    raw = shutil.copytree(tiny_raw, tmp_path / "raw")
    products = (raw / "products.csv").read_bytes()
    (raw / "products.csv").write_bytes(codecs.BOM_UTF8 + products.replace(b"\n", b"\r\n"))
    prior = raw / "order_products__prior.csv"
    (raw / "order_products__prior.csv.gz").write_bytes(gzip.compress(prior.read_bytes()))
    prior.unlink()
    lines = (raw / "orders.csv").read_text(encoding="utf-8").splitlines()
    (raw / "orders.csv").write_text("".join(longer.format(line) for line in lines))
    api.load_raw(raw)
    verified = verify(api)
    assert verified.returncode == 0, verified.stderr
    assert "orders: extra column shop is ignored." in verified.stdout.splitlines()
    shop, good_rows = good_shop
    output = dbt(shop, "build", *UPSTREAM)
    assert output.count("Raw table raw.orders: extra column shop is ignored.") == 1
    assert contents(shop) == good_rows


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        pytest.param(
            "aisles.csv",
            "aisle_id,aisle",
            "aisle,aisle_id",
            "first aisles, header: expected aisle_id,aisle, as catalogued, found aisle,aisle_id;"
            " the table is read by position",
            id="swapped",
        ),
        pytest.param(
            "products.csv",
            FILES["products.csv"].partition("\n")[2],
            "",
            "first products, rows: expected at least one, found none in products/products.csv.",
            id="header-only",
        ),
        pytest.param(
            "products.csv",
            "",
            None,
            "first products, object: expected products/products.csv, found missing.",
            id="missing-file",
        ),
    ],
)
def test_unreadable_files_are_refused_before_the_build(  # noqa: PLR0913
    api: RunningApi,
    tiny_raw: Path,
    *,
    name: str,
    old: str,
    new: str | None,
    message: str,
) -> None:
    """The SerDe reads by position, so dbt would not see a swapped header: `glue verify` does."""
    assert verify(api).returncode == 0
    table = name.partition(".")[0]
    s3 = make_client("s3", api.url)
    if new is None:
        s3.delete_object(Bucket="next-basket-raw", Key=f"{table}/{name}")
    else:
        text = (tiny_raw / name).read_text(encoding="utf-8")
        body = text.replace(old, new, 1)
        s3.put_object(Bucket="next-basket-raw", Key=f"{table}/{name}", Body=body.encode())
    done = verify(api)
    assert done.returncode != 0
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("kind", ["missing-column", "wrong-header", "semicolons", "zero-bytes"])
def test_bad_headers_are_refused_before_the_build(
    api: RunningApi, tiny_raw: Path, tmp_path: Path, kind: str
) -> None:
    """With the sentences that the upload and the local build say as well."""
    damage = UNREADABLE_FILES[kind]
    (name, *_) = damage.edits[0]
    raw = shutil.copytree(tiny_raw, tmp_path / "raw")
    damage_files(raw, damage)
    table = name.partition(".")[0]
    body = (raw / name).read_bytes()
    make_client("s3", api.url).put_object(
        Bucket="next-basket-raw", Key=f"{table}/{name}", Body=body
    )
    done = verify(api)
    assert done.returncode != 0
    (told,) = damage.upload
    assert f"found s3://next-basket-raw/{table}/{told.removesuffix('.')}" in done.stderr
    assert "Traceback" not in done.stderr


Edit = Callable[[dict[str, Any]], None]


def change_catalogue(api: RunningApi, name: str, edit: Edit) -> None:
    """Change what Glue says of a raw table."""
    entry = tables(api, "raw")[name]
    edit(entry)
    kept = ("Name", "StorageDescriptor", "PartitionKeys", "TableType", "Parameters")
    make_client("glue", api.url).update_table(
        DatabaseName="raw", TableInput={key: entry[key] for key in kept}
    )


def no_escape(entry: dict[str, Any]) -> None:
    """Leave it out, as a crawler does: names with a backslash then lose fields."""
    del entry["StorageDescriptor"]["SerdeInfo"]["Parameters"]["escapeChar"]


def lazy_serde(entry: dict[str, Any]) -> None:
    entry["StorageDescriptor"]["SerdeInfo"]["SerializationLibrary"] = "LazySimpleSerDe"


def single_quotes(entry: dict[str, Any]) -> None:
    entry["StorageDescriptor"]["SerdeInfo"]["Parameters"]["quoteChar"] = "'"


def header_is_data(entry: dict[str, Any]) -> None:
    del entry["Parameters"]["skip.header.line.count"]


def renamed_column(entry: dict[str, Any]) -> None:
    entry["StorageDescriptor"]["Columns"][1]["Name"] = "name"


def moved_away(entry: dict[str, Any]) -> None:
    entry["StorageDescriptor"]["Location"] = "s3://next-basket-raw/elsewhere/"


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        pytest.param(
            no_escape,
            "has no escapeChar \\u0001 in its SerDe, so that names with a backslash would lose"
            " fields: run `python -m glue fix-serde`.",
            id="no-escape",
        ),
        pytest.param(
            lazy_serde,
            "is read by SerDe LazySimpleSerDe, not by OpenCSVSerde, and would give other values:"
            " drop the table, then run `python -m glue crawl`.",
            id="other-serde",
        ),
        pytest.param(
            single_quotes,
            "has another separatorChar than a comma or another quoteChar than",
            id="other-quote",
        ),
        pytest.param(header_is_data, "has skip.header.line.count none, not 1", id="header-is-data"),
        pytest.param(
            renamed_column,
            "has no column product_name in the Glue catalog: its columns are product_id, name,"
            " aisle_id, department_id. `python -m glue verify` says what to mend.",
            id="missing-column",
        ),
        pytest.param(
            moved_away,
            "has no row: its file in s3://next-basket-raw/elsewhere/ is empty or missing. `python"
            " -m glue verify` says which.",
            id="no-file",
        ),
    ],
)
def test_a_bad_catalogue_stops_the_build_before_any_model(
    api: RunningApi, good_shop: tuple[AthenaShop, dict[str, Rows]], edit: Edit, sentence: str
) -> None:
    """Also without `glue verify`, which the nightly run calls before."""
    change_catalogue(api, "products", edit)
    shop, good_rows = good_shop
    output = " ".join(dbt(shop, "build", *UPSTREAM, fails=True).split())
    assert f"Raw table raw.products {sentence}" in output
    assert " sql table model " not in output
    assert contents(shop) == good_rows
    done = verify(api)
    assert done.returncode != 0
    assert "first products, " in done.stderr


@pytest.mark.parametrize("name", ["departments", "order_products__train"])
def test_a_table_without_rows_stops_the_build_unless_it_may_be_empty(
    api: RunningApi, good_shop: tuple[AthenaShop, dict[str, Rows]], tiny_raw: Path, name: str
) -> None:
    header = (tiny_raw / f"{name}.csv").read_text(encoding="utf-8").partition("\n")[0] + "\n"
    key = f"{name}/{name}.csv"
    make_client("s3", api.url).put_object(Bucket="next-basket-raw", Key=key, Body=header.encode())
    shop, _ = good_shop
    may_be_empty = name == "order_products__train"
    output = " ".join(dbt(shop, "run", "--select", "stg_aisles", fails=not may_be_empty).split())
    sentence = f"Raw table raw.{name} has no row: its file in s3://next-basket-raw/{name}/ is empty"
    assert (sentence in output) != may_be_empty


def verify(api: RunningApi) -> "subprocess.CompletedProcess[str]":
    """Run the check of the raw zone that stands before the build."""
    return subprocess.run(
        [sys.executable, "-m", "glue", "verify"],
        cwd=ROOT,
        env=os.environ | api.environment | {"COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )

"""Bad input on the target `athena`: stopped with a message that names it; good tables stay."""

import codecs
import gzip
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

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
from tests.python.dbt_project.test_bad_input import BAD_ROWS, BAD_VALUES, Damage
from tests.python.dbt_runs import ROOT

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
    """Load the tiny shop with one damage into the raw zone."""
    shutil.copytree(tiny_raw, folder)
    for name, old, new in damage.edits:
        text = (folder / name).read_text(encoding="utf-8")
        assert old in text, f"{name} does not hold {old!r}"
        (folder / name).write_text(text.replace(old, new), encoding="utf-8")
    api.load_raw(folder)


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


def test_bom_crlf_gzip_and_an_extra_column_are_read_right(
    api: RunningApi,
    good_shop: tuple[AthenaShop, dict[str, Rows]],
    tiny_raw: Path,
    tmp_path: Path,
) -> None:
    raw = shutil.copytree(tiny_raw, tmp_path / "raw")
    products = (raw / "products.csv").read_bytes()
    (raw / "products.csv").write_bytes(codecs.BOM_UTF8 + products.replace(b"\n", b"\r\n"))
    prior = raw / "order_products__prior.csv"
    (raw / "order_products__prior.csv.gz").write_bytes(gzip.compress(prior.read_bytes()))
    prior.unlink()
    lines = (raw / "orders.csv").read_text(encoding="utf-8").splitlines()
    (raw / "orders.csv").write_text("".join(f"{line},shop\n" for line in lines))
    api.load_raw(raw)
    assert verify(api).returncode == 0
    shop, good_rows = good_shop
    dbt(shop, "build", *UPSTREAM)
    assert contents(shop) == good_rows


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        pytest.param("aisles.csv", "aisle_id,aisle", "aisle,aisle_id", "aisles", id="swapped"),
        pytest.param("aisles.csv", "aisle_id,aisle", "aisle_id,name", "aisles", id="renamed"),
        pytest.param("orders.csv", ",", ";", "orders", id="semicolons"),
        pytest.param("departments.csv", None, "", "departments", id="zero-bytes"),
        pytest.param("products.csv", None, None, "products", id="missing-file"),
    ],
)
def test_unreadable_files_are_refused_before_the_build(  # noqa: PLR0913
    api: RunningApi,
    tiny_raw: Path,
    *,
    name: str,
    old: str | None,
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
        body = text.replace(old, new, 1 if old != "," else -1) if old else new
        s3.put_object(Bucket="next-basket-raw", Key=f"{table}/{name}", Body=body.encode())
    done = verify(api)
    assert done.returncode != 0
    assert message in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_table_without_its_escape_character_is_refused(api: RunningApi) -> None:
    """A crawler leaves it out, and the SerDe then loses fields of names with a backslash."""
    glue = make_client("glue", api.url)
    entry = tables(api, "raw")["products"]
    del entry["StorageDescriptor"]["SerdeInfo"]["Parameters"]["escapeChar"]
    kept = ("Name", "StorageDescriptor", "PartitionKeys", "TableType", "Parameters")
    glue.update_table(DatabaseName="raw", TableInput={key: entry[key] for key in kept})
    done = verify(api)
    assert done.returncode != 0
    assert re.search(r"products\W.*escapeChar", done.stdout + done.stderr, re.DOTALL)


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

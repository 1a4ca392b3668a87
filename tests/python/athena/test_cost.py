"""`python -m glue cost` adds up what the last run scanned, and what Athena asks for it."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from glue.cloud.cost import billed_bytes
from tests.athena_api.clients import make_client
from tests.python.athena.athena_runs import AthenaShop, dbt, execute
from tests.python.dbt_runs import BUILD_UNTESTED, ROOT, run

MB = 1024 * 1024


def cost(shop: AthenaShop, *arguments: str, fails: bool = False) -> str:
    """Run the command and give what it prints."""
    command = [sys.executable, "-m", "glue", "cost", *arguments]
    return run(command, ROOT, shop.environment, fails=fails)


def figures(printed: str) -> dict[str, list[str]]:
    """Give queries, MB scanned, MB billed and USD of each line."""
    lines = [line.split() for line in printed.splitlines()]
    return {
        " ".join(line[:-4]): line[-4:] for line in lines if len(line) > 4 and line[-4].isdigit()
    }


def test_the_last_run_alone_is_counted(
    make_athena_shop: Callable[[str], AthenaShop],
) -> None:
    shop = make_athena_shop("cost_of_runs")
    dbt(shop, "run", "--select", "stg_departments")
    dbt(shop, "build", "--select", "+stg_aisles", "--indirect-selection", "cautious")
    api = shop.api
    # what somebody else asks in the same work group is not dbt's
    execute(api, "select count(*) from raw.orders")
    printed = cost(shop, "--price", "6.25")
    found = figures(printed)
    assert not any("departments" in node for node in found)
    run = json.loads((shop.workspace.target / "run_results.json").read_text())["metadata"]
    queries = [query for query in api.queries() if run["invocation_id"] in query["sql"]]
    of_model = [query for query in queries if query["node_id"] == "model.next_basket.stg_aisles"]
    scanned = sum(query["scanned_bytes"] for query in of_model)
    assert scanned > 0
    # every statement of a model reads or writes data; each is below the least that is billed
    billed = 10 * len(of_model)
    usd = billed / 1024 / 1024 * 6.25
    expected = [str(len(of_model)), f"{scanned / MB:.2f}", f"{billed}.00", f"{usd:.6f}"]
    assert found["stg_aisles"] == expected
    tests = {query["node_id"] for query in queries if (query["node_id"] or "").startswith("test.")}
    assert len([node for node in found if "stg_aisles_" in node or "_aisles" in node]) > len(tests)
    assert int(found["all"][0]) == len(queries)
    total = sum(query["scanned_bytes"] for query in queries)
    assert found["all"][1] == f"{total / MB:.2f}"


def test_all_models_are_compared_with_the_raw_files(
    make_athena_shop: Callable[[str], AthenaShop], tiny_raw: Path
) -> None:
    shop = make_athena_shop("cost_of_models")
    dbt(shop, *BUILD_UNTESTED)
    printed = cost(shop)
    run = json.loads((shop.workspace.target / "run_results.json").read_text())["metadata"]
    scanned = sum(
        query["scanned_bytes"]
        for query in shop.api.queries()
        if run["invocation_id"] in query["sql"] and (query["node_id"] or "").startswith("model.")
    )
    raw = sum(path.stat().st_size for path in tiny_raw.iterdir())
    assert scanned > raw
    assert printed.endswith(
        f"Models scanned {scanned / MB:.2f} MB, {scanned / raw:.2f} times the raw files"
        f" ({raw / MB:.2f} MB).\n"
    )


def test_a_work_group_without_a_run_is_named(make_athena_shop: Callable[[str], AthenaShop]) -> None:
    shop = make_athena_shop("never_run")
    make_client("athena", shop.api.url).create_work_group(Name="unused")
    elsewhere = replace(
        shop.api, environment=shop.api.environment | {"ATHENA_WORK_GROUP": "unused"}
    )
    assert cost(replace(shop, api=elsewhere), fails=True).startswith(
        "Error: Work group unused has no query of a dbt run in its history"
    )


@pytest.mark.parametrize(
    ("state", "statement", "kind", "scanned", "billed"),
    [
        ("SUCCEEDED", "DML", "SELECT", 0, 10 * MB),
        ("SUCCEEDED", "DML", "SELECT", 10 * MB, 10 * MB),
        ("SUCCEEDED", "DML", "SELECT", 10 * MB + 1, 11 * MB),
        ("SUCCEEDED", "DML", "SELECT", 700 * MB - 1, 700 * MB),
        ("SUCCEEDED", "DDL", "CREATE_TABLE_AS_SELECT", 25 * MB, 25 * MB),
        ("SUCCEEDED", "DDL", "CREATE_VIEW", 0, 0),
        ("SUCCEEDED", "UTILITY", "SHOW", 0, 0),
        ("CANCELLED", "DML", "SELECT", 30 * MB, 30 * MB),
        ("FAILED", "DML", "SELECT", 30 * MB, 0),
    ],
)
def test_athena_s_rules_of_billing(
    state: str, statement: str, kind: str, scanned: int, billed: int
) -> None:
    query = {
        "Status": {"State": state},
        "StatementType": statement,
        "SubstatementType": kind,
        "Statistics": {"DataScannedInBytes": scanned},
    }
    assert billed_bytes(query) == billed

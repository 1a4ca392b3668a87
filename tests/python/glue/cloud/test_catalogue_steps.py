"""The two steps on the catalogue, for six files and for loads: their role allows every call."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from glue.cloud.stack import FOLDER, parameters
from tests.python.dbt_project.shop_with_loads import write_load, write_products
from tests.python.glue.cloud.calls import ROLES, Call, recorded, refused
from tests.python.glue.cloud.policies import Resolved
from tests.python.glue.conftest import Account

Run = Callable[..., Result]
LINES = [("11", "1", "1", "2017-03-01 09:10:00", "2", ""), ("12", "2", "2", "2017-03-01", "", "1")]


@pytest.fixture
def loads(tmp_path: Path) -> Path:
    folder = tmp_path / "loads"
    write_products(folder, [("1", "Milk", "dairy", ""), ("2", "Bread", "bakery", "food")])
    write_load(folder, "2017-03-01", LINES)
    return folder


@pytest.mark.parametrize("shape", ["shop", "loads"])
def test_role_allows_every_call(
    account: Account, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, shape: str
) -> None:
    run: Run = request.getfixturevalue("run")
    monkeypatch.setenv("RUN_ID", "run-7")
    monkeypatch.setattr("glue.cloud.stack.account_id", lambda: "123456789012")
    template = Resolved(FOLDER / "template.yaml", parameters(account.settings, "code/"))
    folder: Path = request.getfixturevalue(shape)
    assert run("upload", folder).exit_code == 0
    assert run("crawl").exit_code == 0
    if shape == "loads":  # a load that the crawl above did not catalogue
        write_load(folder, "2017-03-02", LINES)
        assert run("upload", folder).exit_code == 0
    forget_escape_character(account, "products")
    for step in ("fix-serde", "verify"):
        with recorded() as calls:
            done = run("step", step)
        assert done.exit_code == 0, done.output
        assert refused(template.role(ROLES[step]), calls) == []
        if step == "fix-serde":
            wanted = {"glue:UpdateTable", *(["glue:CreatePartition"] if shape == "loads" else [])}
            assert wanted <= {call.action for call in calls}


def test_call_that_no_role_allows_is_seen(account: Account) -> None:
    template = Resolved(FOLDER / "template.yaml", parameters(account.settings, "code/"))
    call = Call("s3:PutObject", "arn:aws:s3:::shop-raw/orders/orders.csv")
    for role in set(ROLES.values()):
        assert refused(template.role(role), [call]) == [call]


def forget_escape_character(account: Account, name: str) -> None:
    database = account.settings.raw_database
    table = account.glue.get_table(DatabaseName=database, Name=name)["Table"]
    table["StorageDescriptor"]["SerdeInfo"]["Parameters"].pop("escapeChar")
    kept = ("Name", "StorageDescriptor", "Parameters", "TableType", "PartitionKeys")
    account.glue.update_table(
        DatabaseName=database, TableInput={key: table[key] for key in kept if key in table}
    )

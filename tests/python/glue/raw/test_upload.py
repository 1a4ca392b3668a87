"""Upload: a whole set or no `_SUCCESS`, unchanged files skipped, damaged ones refused."""

import gzip
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import Result

from glue.raw import upload as upload_module
from ml.tools.aws import client
from tests.python.glue.conftest import RAW, Account
from tests.python.glue.emulated_crawler import aws_error
from tests.python.raw_damages import (
    BAD_VALUES,
    UNREADABLE_FILES,
    UNREADABLE_ON_ATHENA,
    Damage,
    damage_files,
)
from tests.python.tiny_shop import FILES

Run = Callable[..., Result]


def keys(account: Account) -> list[str]:
    listed = account.s3.list_objects_v2(Bucket=RAW).get("Contents", [])
    return sorted(entry["Key"] for entry in listed)


def content(account: Account, key: str) -> bytes:
    body: bytes = account.s3.get_object(Bucket=RAW, Key=key)["Body"].read()
    return body


def versions(account: Account, key: str) -> int:
    return len(account.s3.list_object_versions(Bucket=RAW, Prefix=key)["Versions"])


def test_success_is_the_last_object_that_is_written(
    account: Account, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It starts a run, which may look at the manifest at once."""
    written: list[str] = []
    s3 = client("s3")
    s3.meta.events.register(
        "before-parameter-build.s3.PutObject",
        lambda params, **_rest: written.append(params["Key"]),
    )
    monkeypatch.setattr(upload_module, "client", lambda _name: s3)
    account.upload(shop)
    assert len(written) == 8
    assert written[-2:] == ["_landed/manifest.json", "_landed/_SUCCESS"]


def test_six_files_a_manifest_and_last_success(account: Account, shop: Path, run: Run) -> None:
    done = run("upload", shop)
    assert done.exit_code == 0, done.output
    tables = [name.removesuffix(".csv") for name in FILES]
    landing = ["_landed/_SUCCESS", "_landed/manifest.json"]
    assert keys(account) == sorted([*(f"{table}/{table}.csv" for table in tables), *landing])
    for name, text in FILES.items():
        assert content(account, f"{name.removesuffix('.csv')}/{name}") == text.encode()
    manifest = json.loads(content(account, "_landed/manifest.json"))
    assert manifest["orders/orders.csv"] == {
        "bytes": len(FILES["orders.csv"].encode()),
        "sha256": hashlib.sha256(FILES["orders.csv"].encode()).hexdigest(),
    }
    written = {
        entry["Key"]: entry["LastModified"]
        for entry in account.s3.list_objects_v2(Bucket=RAW)["Contents"]
    }
    assert max(written, key=lambda key: (written[key], key == landing[0])) == landing[0]


def test_only_a_changed_file_is_sent_again(account: Account, shop: Path) -> None:
    account.upload(shop)
    assert account.upload(shop)[-1].endswith("nothing done.")
    with (shop / "aisles.csv").open("a") as file:
        file.write("4,cheese\n")
    lines = account.upload(shop)
    assert "orders/orders.csv: unchanged, skipped" in lines
    assert versions(account, "aisles/aisles.csv") == 2
    assert versions(account, "orders/orders.csv") == 1
    assert versions(account, "_landed/_SUCCESS") == 2, "a changed set lands anew"


def test_change_that_keeps_the_size_is_sent(account: Account, shop: Path) -> None:
    account.upload(shop)
    changed = FILES["aisles.csv"].replace("bread", "cream")
    assert len(changed) == len(FILES["aisles.csv"])
    (shop / "aisles.csv").write_text(changed)
    account.upload(shop)
    assert content(account, "aisles/aisles.csv") == changed.encode()


def test_whole_set_without_its_marker_gets_it(account: Account, shop: Path) -> None:
    account.upload(shop)
    account.s3.delete_object(Bucket=RAW, Key="_landed/_SUCCESS")
    lines = account.upload(shop)
    assert "_landed/_SUCCESS" in keys(account)
    assert sum(line.endswith("unchanged, skipped") for line in lines) == 6


def test_gzip_is_stored_as_plain_csv(account: Account, shop: Path) -> None:
    plain = (shop / "orders.csv").read_bytes()
    (shop / "orders.csv").unlink()
    (shop / "orders.csv.gz").write_bytes(gzip.compress(plain))
    account.upload(shop)
    assert content(account, "orders/orders.csv") == plain


def test_large_file_goes_up_in_parts(
    account: Account, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_module, "_PART", 5 << 20)
    rows = b"".join(b"%d,an aisle of no importance\n" % number for number in range(400_000))
    (shop / "aisles.csv").write_bytes(b"aisle_id,aisle\n" + rows)
    account.upload(shop)
    assert content(account, "aisles/aisles.csv") == b"aisle_id,aisle\n" + rows
    etag = account.s3.head_object(Bucket=RAW, Key="aisles/aisles.csv")["ETag"]
    assert etag.strip('"').endswith("-3"), "12.6 MB are three parts of 5 MiB"


def test_interrupted_upload_is_taken_up_again(
    account: Account, shop: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    account.upload(shop)
    for name in ("orders.csv", "products.csv", "aisles.csv"):
        with (shop / name).open("ab") as file:
            file.write((shop / name).read_bytes().splitlines(keepends=True)[-1])
    real_send = upload_module.send_file
    sent: list[str] = []

    def send_one(s3: Any, raw: Any, path: Path, key: str, *rest: Any, step: Any) -> None:  # noqa: ANN401
        if len(sent) == 1:
            raise click.ClickException("the line went dead")
        sent.append(key)
        real_send(s3, raw, path, key, *rest, step=step)

    monkeypatch.setattr(upload_module, "send_file", send_one)
    assert run("upload", shop).exit_code == 1
    assert "_landed/_SUCCESS" not in keys(account), "a half-landed set must not look complete"
    monkeypatch.setattr(upload_module, "send_file", real_send)
    lines = account.upload(shop)
    assert f"{sent[0]}: unchanged, skipped" in lines
    assert versions(account, sent[0]) == 2, "what arrived whole is not sent a second time"
    assert "_landed/_SUCCESS" in keys(account)


def test_failing_s3_is_one_sentence(
    account: Account, shop: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    real = client("s3")

    class ExpiredOnSecondFile:
        sent = 0

        def __getattr__(self, name: str) -> Any:  # noqa: ANN401
            return getattr(real, name)

        def upload_fileobj(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401
            self.sent += 1
            if self.sent == 2:
                raise aws_error("ExpiredToken", "PutObject")
            real.upload_fileobj(*arguments, **options)

    expired = ExpiredOnSecondFile()
    monkeypatch.setattr(upload_module, "client", lambda _name: expired)
    failed = run("upload", shop)
    assert failed.exit_code == 1
    assert "credentials have expired" in failed.output
    assert "no _SUCCESS was written" in failed.output
    assert "_landed/_SUCCESS" not in keys(account)


def missing(shop: Path) -> None:
    (shop / "orders.csv").unlink()


def both(shop: Path) -> None:
    (shop / "orders.csv.gz").write_bytes(gzip.compress(FILES["orders.csv"].encode()))


def cut_gzip(shop: Path) -> None:
    (shop / "orders.csv").unlink()
    (shop / "orders.csv.gz").write_bytes(gzip.compress(FILES["orders.csv"].encode())[:-20])


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (missing, ("orders.csv is missing", "nothing was uploaded")),
        (both, ("orders.csv", "orders.csv.gz", "keep one")),
        (cut_gzip, ("orders.csv.gz is a damaged gzip file",)),
    ],
)
def test_missing_double_or_cut_file_stops_before_anything_is_written(
    account: Account,
    shop: Path,
    run: Run,
    damage: Callable[[Path], None],
    told: tuple[str, ...],
) -> None:
    damage(shop)
    assert_refused(account, shop, run, told)


REFUSED = UNREADABLE_FILES | UNREADABLE_ON_ATHENA


@pytest.mark.parametrize("damage", REFUSED.values(), ids=REFUSED.keys())
def test_damaged_file_stops_before_anything_is_written(
    account: Account, shop: Path, run: Run, damage: Damage
) -> None:
    damage_files(shop, damage)
    assert_refused(account, shop, run, damage.upload)


def assert_refused(account: Account, shop: Path, run: Run, told: tuple[str, ...]) -> None:
    """Check that the upload says this and sends nothing."""
    assert told
    failed = run("upload", shop)
    assert failed.exit_code == 1
    for part in told:
        assert part in failed.output
    assert failed.output.splitlines()[-1].startswith("Error: ")
    assert isinstance(failed.exception, SystemExit), "one sentence, no traceback"
    assert keys(account) == []


@pytest.mark.parametrize("damage", BAD_VALUES.values(), ids=BAD_VALUES.keys())
def test_values_are_left_to_the_build(account: Account, shop: Path, damage: Damage) -> None:
    damage_files(shop, damage)
    assert damage.upload == ()
    assert account.upload(shop)[-1].endswith("the set of six is complete.")


def test_every_form_of_the_files_lands_as_the_same_bytes(account: Account, shop: Path) -> None:
    """A BOM, CRLF, needless quotes, blank lines, other columns in any order, or without a name."""
    account.upload(shop)
    (shop / "products.csv").write_text("\ufeff" + FILES["products.csv"], encoding="utf-8")
    (shop / "aisles.csv").write_text(
        'aisle,,"the ""shelf"", if any",aisle_id,"aisle,s",\r\n\r\n'
        'milk alternatives,0,,"1",,\r\n"bread",1,,2,,\r\n\r\ndesserts,2,"left, above",3,,',
        encoding="utf-8",
        newline="",
    )
    (shop / "departments.csv").write_text(
        "Department_ID,department_id,department,shop,shop\n9,1,dairy,7,7\n9,2,bakery,7,7\n"
    )
    lines = account.upload(shop)
    assert [line.rpartition("/")[2] for line in lines[:-1]] == [
        (
            'aisles.csv: extra columns the "shelf", if any, aisle,s and 2 columns without a name'
            " are ignored."
        ),
        "departments.csv: extra columns Department_ID, shop are ignored.",
    ]
    assert lines[-1].endswith("nothing done.")


def test_names_with_bare_quotes_land_in_quotes(account: Account, shop: Path) -> None:
    r"""OpenCSVSerDe reads `3"` as the start of a field that never ends, `"Rye"` as `"Rye`."""
    (shop / "aisles.csv").write_text('aisle_id,aisle\n1,Tea 3"\n2,Brook "Rye"\n3,a\\\n4, b \n')
    account.upload(shop)
    assert content(account, "aisles/aisles.csv").decode() == (
        'aisle_id,aisle\n1,"Tea 3"""\n2,"Brook ""Rye"""\n3,a\\\n4, b \n'
    )


def test_train_file_may_hold_a_header_alone(account: Account, shop: Path) -> None:
    (shop / "order_products__train.csv").write_text(
        "order_id,product_id,add_to_cart_order,reordered\n"
    )
    assert account.upload(shop)[-1].endswith("the set of six is complete.")

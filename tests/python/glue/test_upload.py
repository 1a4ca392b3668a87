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

from glue import upload as upload_module
from glue.aws import client
from tests.python.glue.conftest import RAW, Account
from tests.python.glue.emulated_crawler import aws_error
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
    real_send = upload_module._send  # noqa: SLF001
    sent: list[str] = []

    def send_two(s3: Any, raw: Any, file: Any, step: Any) -> None:  # noqa: ANN401
        if len(sent) == 1:
            raise click.ClickException("the line went dead")
        sent.append(file.key)
        real_send(s3, raw, file, step)

    monkeypatch.setattr(upload_module, "_send", send_two)
    assert run("upload", shop).exit_code == 1
    assert "_landed/_SUCCESS" not in keys(account), "a half-landed set must not look complete"
    monkeypatch.setattr(upload_module, "_send", real_send)
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


def no_column(shop: Path) -> None:
    (shop / "orders.csv").write_text("order_id,user_id\n1,2\n")


def swapped(shop: Path) -> None:
    text = FILES["aisles.csv"].replace("aisle_id,aisle", "aisle,aisle_id")
    (shop / "aisles.csv").write_text(text)


def semicolons(shop: Path) -> None:
    (shop / "aisles.csv").write_text("aisle_id;aisle\n1;milk\n")


def twice(shop: Path) -> None:
    (shop / "aisles.csv").write_text("aisle_id,aisle,aisle\n1,milk,milk\n")


def no_bytes(shop: Path) -> None:
    (shop / "products.csv").write_text("")


def no_rows(shop: Path) -> None:
    (shop / "products.csv").write_text(FILES["products.csv"].split("\n")[0] + "\n")


def not_text(shop: Path) -> None:
    (shop / "products.csv").write_bytes(b"\xff\xfe\n1\n")


def cut_gzip(shop: Path) -> None:
    (shop / "orders.csv").unlink()
    (shop / "orders.csv.gz").write_bytes(gzip.compress(FILES["orders.csv"].encode())[:-20])


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (missing, ("orders.csv is missing", "nothing was uploaded")),
        (both, ("orders.csv", "orders.csv.gz", "keep one")),
        (no_column, ("orders.csv has no column eval_set",)),
        (swapped, ("aisles.csv", "another order", "aisle,aisle_id")),
        (semicolons, ("aisles.csv is separated by semicolons",)),
        (twice, ("aisles.csv names a column twice",)),
        (no_bytes, ("products.csv is empty: it has no header",)),
        (no_rows, ("products.csv is empty: it has a header and no rows",)),
        (not_text, ("products.csv is not UTF-8",)),
        (cut_gzip, ("orders.csv.gz is a damaged gzip file",)),
    ],
)
def test_damaged_input_stops_before_anything_is_written(
    account: Account,
    shop: Path,
    run: Run,
    damage: Callable[[Path], None],
    told: tuple[str, ...],
) -> None:
    damage(shop)
    failed = run("upload", shop)
    assert failed.exit_code == 1
    for part in told:
        assert part in failed.output
    assert failed.output.splitlines()[-1].startswith("Error: ")
    assert isinstance(failed.exception, SystemExit), "one sentence, no traceback"
    assert keys(account) == []


def test_what_may_be_empty_and_what_is_more(account: Account, shop: Path) -> None:
    (shop / "order_products__train.csv").write_text(
        "order_id,product_id,add_to_cart_order,reordered\n"
    )
    (shop / "aisles.csv").write_text("\ufeffaisle_id,aisle,colour\r\n1,milk,white\r\n")
    lines = account.upload(shop)
    assert lines[0].endswith("aisles.csv: extra column colour is ignored.")
    assert lines[-1].endswith("the set of six is complete.")

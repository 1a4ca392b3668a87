"""Keys as files: none is written outside of its folder; files are known by their sha256."""

import hashlib
from pathlib import Path

import boto3
import click
import pytest
from moto import mock_aws

from ml.lake.athena import AthenaTable, copy_tables
from ml.tools.hashes import sha256_of_file
from ml.tools.s3 import Location, S3Object, path_below, sha256_of_objects

OUTSIDE = ["../x", "a/../../x", "/etc/x", "", "..", "a//x", "./x", "a/"]


@pytest.mark.parametrize("name", OUTSIDE)
def test_name_that_leads_out_of_its_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(click.ClickException, match="would be written outside of"):
        path_below(tmp_path, name)


@pytest.mark.parametrize("name", ["x", "a/b.csv", "..x", "a..b", "load_date=2017-03-05/..."])
def test_other_names_lie_below_the_folder(tmp_path: Path, name: str) -> None:
    assert path_below(tmp_path, name).resolve().is_relative_to(tmp_path.resolve())


def test_partition_whose_value_leads_out_is_not_copied(tmp_path: Path) -> None:
    found = S3Object("shop-lake", "x", 1, "tag")
    table = AthenaTable("t", (("a", "varchar"),), ("day",), {("../../out",): (found,)}, None)
    with pytest.raises(click.ClickException, match=r"'t/day=\.\./\.\./out/0\.parquet'"):
        copy_tables([table], tmp_path / "in")
    assert list(tmp_path.iterdir()) == []


def test_sha256_of_a_file_is_that_of_its_object(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(variable, "none")
    content = b"x" * (3 << 20)
    (tmp_path / "x").write_bytes(content)
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")  # type: ignore[call-overload, unused-ignore]
        s3.create_bucket(Bucket="shop")
        s3.put_object(Bucket="shop", Key="a/b/x", Body=content)
        s3.put_object(Bucket="shop", Key="c", Body=b"other")
        digests = sha256_of_objects(s3, Location("shop", "a/"))
    expected = hashlib.sha256(content).hexdigest()
    assert digests == {"b/x": expected}
    assert sha256_of_file(tmp_path / "x") == expected

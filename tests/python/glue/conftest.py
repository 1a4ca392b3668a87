"""An AWS account of moto, with an empty raw zone, its database and its crawler."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import CliRunner, Result
from moto import mock_aws

from glue.__main__ import main
from glue.raw.contract import raw_tables
from glue.raw.loads import ORDER_LINES
from glue.raw.upload import upload_folder
from glue.settings import Settings, read_settings
from ml.tools import aws
from ml.tools.progress import silent_step
from tests.python.glue.emulated_crawler import EmulatedGlue

RAW, LAKE = "shop-raw", "shop-lake"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
}
CRAWLED = [*(table.name for table in raw_tables()), ORDER_LINES]
"""Names below the raw zone that the template's crawler looks at."""
PLACES = {
    "ATHENA_RAW": f"s3://{RAW}/",
    "ATHENA_LAKE": f"s3://{LAKE}/",
    "ATHENA_RESULTS": "s3://shop-results/",
    "NEXT_BASKET_ARTIFACTS": "s3://shop-artifacts/",
    "NEXT_BASKET_NAME": "shop",
}


@dataclass(frozen=True)
class Account:
    """The clients of the emulated account, and its settings."""

    s3: Any
    glue: EmulatedGlue
    settings: Settings

    def upload(self, folder: Path) -> list[str]:
        """Upload a folder's six files."""
        return upload_folder(folder, self.settings.raw, silent_step)


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """Give an account with buckets, the raw database and the crawler of the template."""
    for variable, value in (CREDENTIALS | PLACES).items():
        monkeypatch.setenv(variable, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        s3 = boto3.client("s3")  # type: ignore[call-overload, unused-ignore]
        for bucket in (RAW, LAKE, "shop-results", "shop-artifacts"):
            s3.create_bucket(Bucket=bucket)
        s3.put_bucket_versioning(Bucket=RAW, VersioningConfiguration={"Status": "Enabled"})
        settings = read_settings()
        boto3.client("athena").create_work_group(
            Name=settings.work_group, Configuration={"EnforceWorkGroupConfiguration": False}
        )
        glue = boto3.client("glue")
        glue.create_database(DatabaseInput={"Name": settings.raw_database})
        glue.create_crawler(
            Name=settings.crawler,
            Role="arn:aws:iam::123456789012:role/crawler",
            DatabaseName=settings.raw_database,
            Classifiers=[settings.classifier],
            Targets={"S3Targets": [{"Path": f"{settings.raw}{name}/"} for name in CRAWLED]},
            SchemaChangePolicy={"UpdateBehavior": "LOG", "DeleteBehavior": "LOG"},
        )
        emulated = EmulatedGlue(glue, s3)
        real = aws.client
        for module in ("glue.cloud.crawl", "glue.raw.verify"):
            monkeypatch.setattr(
                f"{module}.client", lambda name: emulated if name == "glue" else real(name)
            )
        monkeypatch.setattr("glue.cloud.crawl.sleep", lambda _seconds: None)
        yield Account(s3, emulated, settings)


@pytest.fixture
def run() -> Callable[..., Result]:
    """Run `python -m glue` in this process."""
    return lambda *arguments: CliRunner().invoke(main, [str(one) for one in arguments])


@pytest.fixture
def shop(tiny_raw: Path, tmp_path: Path) -> Path:
    """Give a copy of the tiny shop's raw files, to be changed."""
    folder = tmp_path / "shop"
    folder.mkdir()
    for file in tiny_raw.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


@pytest.fixture
def crawled(account: Account, shop: Path, run: Callable[..., Result]) -> Account:
    """Give an account in which the tiny shop was uploaded and crawled."""
    account.upload(shop)
    done = run("crawl")
    assert done.exit_code == 0, done.output
    return account

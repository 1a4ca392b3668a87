"""Deploy refuses what cannot work, before it calls CloudFormation; the image is built safely."""

import re
import subprocess
from collections.abc import Callable

import pytest
from click.testing import Result

from glue.cloud.stack import parameters
from glue.settings import read_settings
from ml.tools.aws import client
from ml.tools.paths import ROOT
from ml.tools.s3 import location
from tests.python.glue.conftest import Account

Run = Callable[..., Result]
NEEDED = {
    "NEXT_BASKET_ALERT_EMAIL": "nobody@example.com",
    "NEXT_BASKET_VPC": "vpc-1",
    "NEXT_BASKET_SUBNETS": "subnet-1",
}


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("NEXT_BASKET_VPC", "", "NEXT_BASKET_VPC not set"),
        ("ATHENA_LAKE", "s3://shop-lake/part/", "is a part of a bucket"),
        ("ATHENA_LAKE", "s3://shop-raw/", "need four different buckets"),
        (
            "ATHENA_LAKE",
            "shop-lake",
            "ATHENA_LAKE is 'shop-lake': write it as s3://bucket/prefix/.",
        ),
        ("NEXT_BASKET_WINDOWS", "1", "NEXT_BASKET_WINDOWS is '1': set a whole number of 2 or more"),
        ("NEXT_BASKET_WINDOWS", "2.5", "NEXT_BASKET_WINDOWS is '2.5': set a whole number"),
        ("NEXT_BASKET_MARGIN", "inf", "NEXT_BASKET_MARGIN is 'inf': set a number of 0 or more"),
        ("NEXT_BASKET_BUDGET_USD", "inf", "NEXT_BASKET_BUDGET_USD is 'inf': set a whole number"),
        (
            "NEXT_BASKET_SCHEDULE",
            "cron(0 3 * * * *)",
            "NEXT_BASKET_SCHEDULE is 'cron(0",
        ),
        ("NEXT_BASKET_MARGIN", "some", "NEXT_BASKET_MARGIN is 'some'"),
        (
            "NEXT_BASKET_PUBLIC_IP",
            "yes",
            "NEXT_BASKET_PUBLIC_IP is 'yes': write ENABLED in public subnets, DISABLED in private",
        ),
    ],
)
def test_deploy_refuses_incomplete_settings(  # noqa: PLR0913, PLR0917
    account: Account,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
    told: str,
) -> None:
    for name, given in (NEEDED | {variable: value}).items():
        monkeypatch.setenv(name, given)
    failed = run("deploy", "--yes")
    assert failed.exit_code == 1
    assert told in failed.output
    assert account.glue.classifiers == {}, "nothing was made"


def test_bucket_names_that_are_not_set_are_made_of_account_and_region(account: Account) -> None:
    assert account.settings.name == "shop"
    settings = read_settings({"NEXT_BASKET_NAME": "x", "AWS_REGION": "eu-west-1"})
    assert str(settings.raw) == "s3://x-raw-123456789012-eu-west-1/"
    assert str(location("s3://bucket/a/b")) == "s3://bucket/a/b/"


def test_private_subnets_are_told_to_the_template(account: Account) -> None:
    assert account.settings.name == "shop"
    private = {
        "NEXT_BASKET_NAME": "shop",
        "NEXT_BASKET_PUBLIC_IP": "DISABLED",
        "NEXT_BASKET_ROUTE_TABLES": "rtb-1,rtb-2",
    }
    given = parameters(read_settings(private), "code/")
    assert (given["PublicIp"], given["RouteTables"]) == ("DISABLED", "rtb-1,rtb-2")
    given = parameters(account.settings, "code/")
    assert (given["PublicIp"], given["RouteTables"]) == ("ENABLED", "")


def test_env_prints_what_dbt_reads_as_lines_of_a_shell(
    account: Account, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert account.settings.name == "shop"
    monkeypatch.delenv("ATHENA_RESULTS")
    monkeypatch.setenv("ATHENA_LAKE", "s3://shop-lake/it's here/")
    printed = run("env")
    assert printed.exit_code == 0
    profile = (ROOT / "profiles.yml.example").read_text(encoding="utf-8")
    wanted = set(re.findall(r"env_var\('(ATHENA_\w+)'", profile)) | {"AWS_REGION"}
    read = subprocess.run(
        ["sh", "-c", f"{printed.output}\nenv"], capture_output=True, text=True, check=True, env={}
    )
    values = dict(line.split("=", 1) for line in read.stdout.splitlines())
    assert wanted <= values.keys()
    assert values["ATHENA_LAKE"] == "s3://shop-lake/it's here/"
    assert values["ATHENA_RESULTS"] == "s3://shop-results-123456789012-us-east-1/"


@pytest.mark.parametrize("variable", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_settings_and_clients_are_in_the_same_region(
    account: Account, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    assert account.settings.region == "us-east-1"
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    monkeypatch.setenv(variable, "eu-west-1")
    assert read_settings().region == "eu-west-1"
    assert client("glue").meta.region_name == "eu-west-1"


def test_no_region_is_one_sentence(
    account: Account, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert account.settings.name == "shop"
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    failed = run("status")
    assert (failed.exit_code, failed.output) == (
        1,
        "Error: No AWS region is set: set AWS_REGION.\n",
    )


def test_image_has_a_digest_and_no_root() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    bases = set(re.findall(r"^FROM (\S+)", text, re.MULTILINE))
    assert bases == {"docker.io/library/python@${BASE_DIGEST}"}, "given by its digest alone"
    assert not re.search(r"^ARG BASE_DIGEST=", text, re.MULTILINE), "and is never a default"
    (user,) = re.findall(r"^USER (\S+)", text, re.MULTILINE)
    assert user == "10001"
    copied = re.findall(r"^COPY (?!--)(\S+) ", text, re.MULTILINE)
    assert copied
    assert all((ROOT / name).exists() for name in copied)

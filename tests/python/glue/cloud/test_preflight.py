"""Every check of the preflight finds what it is for, says what to do, and finds nothing else."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from glue.cloud import preflight
from glue.cloud.preflight import CHECKS, Kind, findings
from glue.settings import SUCCESS_KEY, read_settings
from ml.tools.paths import ROOT
from tests.python.glue.cloud.conftest import Network
from tests.python.glue.cloud.test_stack import NEEDED
from tests.python.glue.conftest import Account

ROUTE = {"DestinationCidrBlock": "0.0.0.0/0"}


def found(kind: Kind) -> list[str]:
    return findings(read_settings(), kind)


def ec2() -> Any:  # noqa: ANN401
    return boto3.client("ec2")


def nat_gateway(network: Network) -> str:
    made = ec2().create_nat_gateway(SubnetId=network.subnets[0], ConnectivityType="private")
    gateway: str = made["NatGateway"]["NatGatewayId"]
    return gateway


def own_table(network: Network, subnet: str) -> str:
    """Give a subnet a route table of its own, without any way out."""
    table: str = ec2().create_route_table(VpcId=network.vpc)["RouteTable"]["RouteTableId"]
    ec2().associate_route_table(RouteTableId=table, SubnetId=subnet)
    return table


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"AWS_REGION": "eu-west-1"}, "No AWS credentials were found: set AWS_PROFILE, or the"),
        ({"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}, "No AWS region is set: set"),
    ],
)
def test_no_credentials_or_region_is_one_sentence(
    tmp_path: Path, given: dict[str, str], told: str
) -> None:
    """As in a shell in which nothing of AWS is set."""
    bare = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "true"}
    done = subprocess.run(
        [sys.executable, "-m", "glue", "deploy", "--yes"],
        cwd=ROOT,
        env=bare | NEEDED | given,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"Error: {told}")
    assert done.stderr.count("\n") == 1


def test_a_good_account_has_no_findings(
    network: Network, capsys: pytest.CaptureFixture[str]
) -> None:
    assert network.vpc
    assert found(Kind.STOPS) == found(Kind.WARNS) == []
    assert capsys.readouterr().err == "", "and everything was looked at"


def test_public_subnets_need_public_addresses(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEXT_BASKET_PUBLIC_IP", "DISABLED")
    told = found(Kind.STOPS)
    assert [line.split()[1] for line in told] == network.subnets
    assert "is public" in told[0]
    assert "set NEXT_BASKET_PUBLIC_IP=ENABLED" in told[0]


@pytest.mark.parametrize("public_ip", ["ENABLED", "DISABLED"])
def test_private_subnets_with_a_nat_gateway_are_good(
    network: Network, monkeypatch: pytest.MonkeyPatch, public_ip: str
) -> None:
    monkeypatch.setenv("NEXT_BASKET_PUBLIC_IP", public_ip)
    for subnet in network.subnets:
        table = own_table(network, subnet)
        ec2().create_route(RouteTableId=table, NatGatewayId=nat_gateway(network), **ROUTE)
    assert found(Kind.STOPS) == []


def test_subnet_without_a_way_out_is_named_with_its_table(network: Network) -> None:
    """The second subnet has a table of its own; the main one, which is good, does not count."""
    table = own_table(network, network.subnets[1])
    (told,) = found(Kind.STOPS)
    assert told.startswith(f"Subnet {network.subnets[1]} has no way to the internet")
    assert f"its route table {table} needs a route 0.0.0.0/0" in told


@pytest.mark.parametrize(
    ("route", "leads_out"),
    [
        (ROUTE | {"State": "active"}, True),
        (ROUTE | {"State": "blackhole"}, False),
        ({"DestinationCidrBlock": "172.31.0.0/16", "State": "active"}, False),
    ],
)
def test_route_to_what_was_deleted_is_no_way_out(route: dict[str, str], leads_out: bool) -> None:
    assert preflight._is_way_out(route) is leads_out  # noqa: SLF001


def test_vpc_with_an_endpoint_of_ecr_needs_no_way_out(network: Network) -> None:
    own_table(network, network.subnets[1])
    ec2().create_vpc_endpoint(
        VpcEndpointType="Interface",
        VpcId=network.vpc,
        ServiceName="com.amazonaws.us-east-1.ecr.dkr",
        SubnetIds=network.subnets,
    )
    assert found(Kind.STOPS) == []


def test_subnet_of_another_vpc_or_of_none_is_named(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = ec2().create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2().create_subnet(VpcId=other, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    monkeypatch.setenv("NEXT_BASKET_SUBNETS", f"{network.subnets[0]},{subnet},subnet-none")
    assert [line.split(" of us-east-1")[0] for line in found(Kind.STOPS)] == [
        f"Subnet {subnet} is not in VPC {network.vpc}",
        f"Subnet subnet-none is not in VPC {network.vpc}",
    ]


def test_gateway_that_another_stage_made_is_not_made_twice(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEXT_BASKET_ROUTE_TABLES", network.table)
    assert found(Kind.STOPS) == []
    made = ec2().create_vpc_endpoint(
        VpcEndpointType="Gateway",
        VpcId=network.vpc,
        ServiceName="com.amazonaws.us-east-1.s3",
        RouteTableIds=[network.table],
    )["VpcEndpoint"]["VpcEndpointId"]
    (told,) = found(Kind.STOPS)
    assert told.startswith(f"Route table {network.table} has a gateway to S3 already ({made})")
    ec2().create_tags(Resources=[made], Tags=[{"Key": preflight.TAG, "Value": "shop"}])
    assert found(Kind.STOPS) == [], "its own"


@pytest.mark.parametrize(("vcpus", "is_enough"), [(3.0, False), (4.0, True)])
def test_quota_of_fargate_is_that_of_the_largest_step(
    network: Network, vcpus: float, is_enough: bool
) -> None:
    text = (ROOT / "glue" / "cloud" / "etl.asl.json").read_text(encoding="utf-8")
    assert max(cpus_of(json.loads(text))) == preflight.VCPUS * 1024
    network.vcpus = vcpus
    told = found(Kind.STOPS)
    assert not told if is_enough else "Fargate gives this account 3 vCPU" in told[0]


def cpus_of(node: Any) -> list[int]:  # noqa: ANN401
    """Give the CPU units of every task in the state machine."""
    if isinstance(node, list):
        return [cpu for one in node for cpu in cpus_of(one)]
    if not isinstance(node, dict):
        return []
    own = [int(node["Cpu"])] if "Cpu" in node else []
    return own + [cpu for one in node.values() for cpu in cpus_of(one)]


@pytest.mark.parametrize(
    "governed", ["CreateDatabaseDefaultPermissions", "CreateTableDefaultPermissions"]
)
def test_lake_formation_in_charge_is_a_warning(network: Network, governed: str) -> None:
    assert network.vpc
    lake = boto3.client("lakeformation")
    settings = lake.get_data_lake_settings()["DataLakeSettings"]
    settings[governed] = []  # type: ignore[literal-required]
    lake.put_data_lake_settings(DataLakeSettings=settings)
    (told,) = found(Kind.WARNS)
    assert told.startswith("Lake Formation governs what is new in the catalogue")
    assert found(Kind.STOPS) == []


@pytest.fixture
def complete(account: Account, network: Network) -> Account:
    """Give an account with a stack that lacks nothing: image, subscription, tag, marker."""
    assert network.active_tags == [preflight.TAG]
    boto3.client("ecr").create_repository(repositoryName="shop")
    boto3.client("ecr").put_image(
        repositoryName="shop",
        imageTag="first",
        imageManifest=json.dumps({"schemaVersion": 2, "layers": []}),
        imageManifestMediaType="application/vnd.oci.image.manifest.v1+json",
    )
    topic = boto3.client("sns").create_topic(Name="shop-alerts")["TopicArn"]
    boto3.client("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint="nobody@example.com")
    account.s3.put_object(Bucket="shop-raw", Key=SUCCESS_KEY, Body=b"")
    return account


def test_complete_stack_needs_nothing_next(
    complete: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    assert complete.settings.name == "shop"
    assert found(Kind.NEXT) == []
    assert capsys.readouterr().err == "", "and everything was looked at"


@pytest.mark.parametrize("docker", [None, "/usr/bin/docker"])
def test_image_that_is_not_pushed_is_next(
    complete: Account, monkeypatch: pytest.MonkeyPatch, docker: str | None
) -> None:
    assert complete.settings.name == "shop"
    monkeypatch.setenv("NEXT_BASKET_IMAGE_TAG", "second")
    monkeypatch.setattr(shutil, "which", lambda _name: docker)
    image, *rest = found(Kind.NEXT)
    assert image.startswith("Image shop:second is not pushed")
    assert [line.split(":")[0] for line in rest] == (
        [] if docker else ["Docker is not on this machine"]
    )


def test_address_that_has_not_agreed_is_next(
    complete: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A subscription of moto is confirmed at once, so SNS is played."""
    assert complete.settings.name == "shop"
    asked: list[str] = []

    class Waiting:
        def list_subscriptions_by_topic(self, TopicArn: str) -> dict[str, Any]:  # noqa: N803
            """List one address that waits."""
            asked.append(TopicArn)
            one = {"Endpoint": "nobody@example.com", "SubscriptionArn": "PendingConfirmation"}
            return {"Subscriptions": [one]}

    before = vars(preflight)["client"]
    monkeypatch.setattr(
        preflight,
        "client",
        lambda name, *region: Waiting() if name == "sns" else before(name, *region),
    )
    (told,) = found(Kind.NEXT)
    assert told.startswith("nobody@example.com has not agreed to mails")
    assert asked == ["arn:aws:sns:us-east-1:123456789012:shop-alerts"]


def test_tag_that_is_not_activated_and_files_that_are_missing_are_next(
    complete: Account, network: Network
) -> None:
    network.active_tags = []
    complete.s3.delete_object(Bucket="shop-raw", Key=SUCCESS_KEY)
    complete.s3.put_object(Bucket="shop-raw", Key="_landed/manifest.json", Body=b"{}")
    budget, files = found(Kind.NEXT)
    assert "the tag next-basket-stack is activated" in budget
    assert files.startswith("No files have landed: `python -m glue upload FOLDER`")


def test_what_may_not_be_looked_at_is_told_and_does_not_stop(
    network: Network, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert network.vpc

    def refuse(_name: str, *_region: str) -> Any:  # noqa: ANN401
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "not yours"}}, "Look")

    monkeypatch.setattr(preflight, "client", refuse)
    for kind in Kind:
        assert found(kind) == []
    told = capsys.readouterr().err.splitlines()
    assert [line.split(".")[0] for line in told] == [
        f"Not looked at: {check.about}" for check in CHECKS
    ]
    assert told[0].endswith("AWS refused Look (AccessDenied): not yours.")

"""The template of the stack `shop`, and a network of moto that it can be deployed into."""

from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest

from glue.cloud import preflight
from glue.cloud.stack import FOLDER, parameters
from glue.settings import read_settings
from ml.tools import aws
from tests.python.glue.cloud.policies import ACCOUNT, Resolved
from tests.python.glue.conftest import CREDENTIALS, Account

NAMES = CREDENTIALS | {
    "NEXT_BASKET_NAME": "shop",
    "NEXT_BASKET_ALERT_EMAIL": "nobody@example.com",
    "NEXT_BASKET_VPC": "vpc-1",
    "NEXT_BASKET_SUBNETS": "subnet-1,subnet-2",
}
_MAIN = [{"Name": "association.main", "Values": ["true"]}]


@pytest.fixture(scope="session")
def template() -> Resolved:
    """Give the template with its functions worked out."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("glue.settings.account_id", lambda: ACCOUNT)
        patch.setattr("glue.cloud.stack.account_id", lambda: ACCOUNT)
        return Resolved(FOLDER / "template.yaml", parameters(read_settings(NAMES), "code/"))


@dataclass
class Network:
    """A VPC that leads to an internet gateway, and the answers of services that moto lacks."""

    vpc: str
    subnets: list[str]
    table: str
    gateway: str
    vcpus: float = 6.0
    active_tags: list[str] = field(default_factory=lambda: [preflight.TAG])

    def get_service_quota(self, ServiceCode: str, QuotaCode: str) -> dict[str, Any]:  # noqa: N803
        """Answer for Service Quotas."""
        assert (ServiceCode, QuotaCode) == ("fargate", "L-3032A538")
        return {"Quota": {"Value": self.vcpus}}

    def list_cost_allocation_tags(self, Status: str, TagKeys: list[str]) -> dict[str, Any]:  # noqa: N803
        """Answer for Cost Explorer."""
        assert Status == "Active"
        known = [{"TagKey": key} for key in TagKeys if key in self.active_tags]
        return {"CostAllocationTags": known}


@pytest.fixture
def network(account: Account, monkeypatch: pytest.MonkeyPatch) -> Network:
    """Give the settings of a deploy that nothing is wrong with."""
    assert account.settings.name == "shop"
    ec2 = boto3.client("ec2")
    (vpc,) = [one["VpcId"] for one in ec2.describe_vpcs()["Vpcs"]]
    in_vpc = [{"Name": "vpc-id", "Values": [vpc]}]
    subnets = [one["SubnetId"] for one in ec2.describe_subnets(Filters=in_vpc)["Subnets"][:2]]
    (table,) = ec2.describe_route_tables(Filters=in_vpc + _MAIN)["RouteTables"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    found = Network(vpc, subnets, table["RouteTableId"], gateway)
    ec2.create_route(RouteTableId=found.table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    lacking, real = {"service-quotas": found, "ce": found}, aws.client
    monkeypatch.setattr(
        "glue.cloud.preflight.client",
        lambda name, *region: lacking.get(name) or real(name, *region),
    )
    given = {
        "NEXT_BASKET_ALERT_EMAIL": "nobody@example.com",
        "NEXT_BASKET_VPC": vpc,
        "NEXT_BASKET_SUBNETS": ",".join(subnets),
    }
    for variable, value in given.items():
        monkeypatch.setenv(variable, value)
    return found

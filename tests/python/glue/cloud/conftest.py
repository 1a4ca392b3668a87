"""A network of moto that a stack can be deployed into, and answers of services that moto lacks."""

from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest

from glue.cloud import preflight
from ml.tools import aws
from tests.python.glue.conftest import Account

_MAIN = [{"Name": "association.main", "Values": ["true"]}]


@dataclass
class Network:
    """A VPC whose main route table leads to an internet gateway; a quota, and known tags."""

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

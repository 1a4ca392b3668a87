"""What would keep a deployed stack from working: each finding is one sentence with what to do."""

import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import click
from botocore.exceptions import BotoCoreError, ClientError

from glue.settings import LANDING, Settings
from ml.tools.aws import account_id, client, error_code, message, partition
from ml.tools.s3 import list_objects

TAG = "next-basket-stack"
"""By which the budget counts; its value is the stack's name, and deploy gives it to the stack."""
VCPUS = 4  # of the largest step
# "Fargate On-Demand vCPU resource count": docs.aws.amazon.com/general/latest/gr/ecs-service.html
_QUOTA = {"ServiceCode": "fargate", "QuotaCode": "L-3032A538"}
_ANYWHERE = "0.0.0.0/0"


class Kind(Enum):
    """What a finding means for a deploy."""

    STOPS = auto()  # nothing is made before it is mended
    WARNS = auto()
    NEXT = auto()  # can be looked for once the stack is there, and is done after it


@dataclass(frozen=True)
class Check:
    """What is looked at, and the function that gives a sentence for each thing that is wrong."""

    about: str
    kind: Kind
    find: Callable[[Settings], Iterable[str]]


def findings(settings: Settings, kind: Kind) -> list[str]:
    """Give the findings of all checks of a kind; what could not be looked at is told on stderr."""
    found: list[str] = []
    for check in CHECKS:
        if check.kind is kind:
            try:
                found += check.find(settings)
            # whoever deploys may not be allowed to look, and not every region has every service
            except (ClientError, BotoCoreError) as error:
                click.echo(f"Not looked at: {check.about}. {message(error)}", err=True)
    return found


def _subnets(settings: Settings) -> Iterator[str]:
    """Find subnets from which a container would not reach AWS."""
    ec2, wanted = client("ec2"), _listed(settings.subnets)
    described = ec2.describe_subnets(Filters=[{"Name": "subnet-id", "Values": wanted}])["Subnets"]
    vpcs = {subnet["SubnetId"]: subnet["VpcId"] for subnet in described}
    tables = _described(ec2, "describe_route_tables", settings.vpc, "RouteTables")
    for subnet in wanted:
        if vpcs.get(subnet) != settings.vpc:
            yield (
                f"Subnet {subnet} is not in VPC {settings.vpc} of {settings.region}: set"
                " NEXT_BASKET_VPC and NEXT_BASKET_SUBNETS to a VPC and subnets of it."
            )
            continue
        table = _route_table(tables, subnet)
        way = next((route for route in table["Routes"] if _is_way_out(route)), None)
        if way is None and not _has_endpoints(ec2, settings):
            yield (
                f"Subnet {subnet} has no way to the internet: its route table"
                f" {table['RouteTableId']} needs a route {_ANYWHERE} to a NAT gateway, or to an"
                " internet gateway."
            )
        elif way and _is_public(way) and settings.public_ip != "ENABLED":
            yield (
                f"Subnet {subnet} is public, and a container without a public address reaches"
                " nothing from there: set NEXT_BASKET_PUBLIC_IP=ENABLED, or name private subnets."
            )


def _route_table(tables: list[dict[str, Any]], subnet: str) -> dict[str, Any]:
    """Give the route table of a subnet: its own, else the VPC's main one."""
    own = (("SubnetId", subnet), ("Main", True))
    return next(
        table
        for key, value in own
        for table in tables
        if any(one.get(key) == value for one in table["Associations"])
    )


def _is_way_out(route: dict[str, Any]) -> bool:
    # a route whose gateway was deleted stays, as a black hole
    return route.get("DestinationCidrBlock") == _ANYWHERE and route.get("State") != "blackhole"


def _is_public(way: dict[str, Any]) -> bool:
    return bool(way.get("GatewayId", "").startswith("igw-"))


def _has_endpoints(ec2: Any, settings: Settings) -> bool:  # noqa: ANN401
    """Tell whether the VPC reaches AWS by endpoints: without that of ECR no image is fetched."""
    endpoints = _described(ec2, "describe_vpc_endpoints", settings.vpc, "VpcEndpoints")
    return any(one["ServiceName"].endswith(".ecr.dkr") for one in endpoints)


def _gateways(settings: Settings) -> Iterator[str]:
    """Find route tables that have a gateway to S3 already, such as another stage's."""
    endpoints = _described(client("ec2"), "describe_vpc_endpoints", settings.vpc, "VpcEndpoints")
    for endpoint in endpoints:
        tags = {one["Key"]: one["Value"] for one in endpoint.get("Tags", [])}
        if endpoint["ServiceName"].endswith(".s3") and tags.get(TAG) != settings.name:
            taken = set(endpoint.get("RouteTableIds", [])) & set(_listed(settings.route_tables))
            for table in sorted(taken):
                yield (
                    f"Route table {table} has a gateway to S3 already"
                    f" ({endpoint['VpcEndpointId']}): take it out of NEXT_BASKET_ROUTE_TABLES."
                )


def _vcpus(settings: Settings) -> Iterator[str]:
    """Hold the account's quota of Fargate against the largest step."""
    quota = client("service-quotas").get_service_quota(**_QUOTA)["Quota"]["Value"]
    if quota < VCPUS:
        yield (
            f"Fargate gives this account {quota:g} vCPU at once in {settings.region}, and training"
            f" needs {VCPUS}: ask for more of 'Fargate On-Demand vCPU resource count' in Service"
            " Quotas."
        )


def _lake_formation(_settings: Settings) -> Iterator[str]:
    """Tell whether new databases and tables are governed by Lake Formation instead of IAM alone."""
    lake = client("lakeformation").get_data_lake_settings()["DataLakeSettings"]
    for kind in ("CreateDatabaseDefaultPermissions", "CreateTableDefaultPermissions"):
        given = [one["Principal"]["DataLakePrincipalIdentifier"] for one in lake.get(kind, [])]
        if "IAM_ALLOWED_PRINCIPALS" not in given:
            yield (
                "Lake Formation governs what is new in the catalogue, so that the stack's roles"
                " need grants of it: turn on 'Use only IAM access control' for new databases and"
                " tables, or grant each role what its policy says of Glue."
            )
            return


def has_image(settings: Settings) -> bool:
    """Tell whether the image that the containers run is in the stack's repository."""
    image = {"imageTag": settings.image_tag}
    try:
        client("ecr").describe_images(repositoryName=settings.name, imageIds=[image])
    except ClientError as error:
        if error_code(error) in {"RepositoryNotFoundException", "ImageNotFoundException"}:
            return False
        raise
    return True


def _image(settings: Settings) -> Iterator[str]:
    """Tell whether the image is there, and else whether Docker is."""
    if not has_image(settings):
        yield (
            f"Image {settings.name}:{settings.image_tag} is not pushed: build and push it"
            " (glue/README.md, step 3)."
        )
        if not shutil.which("docker"):
            yield "Docker is not on this machine: install it, or build the image on another one."


def _mail(settings: Settings) -> Iterator[str]:
    """Find addresses that hear of nothing until they agree."""
    place = f"{partition(settings.region)}:sns:{settings.region}:{account_id()}"
    listed = client("sns").list_subscriptions_by_topic(
        TopicArn=f"arn:{place}:{settings.name}-alerts"
    )
    for one in listed["Subscriptions"]:
        if one["SubscriptionArn"] == "PendingConfirmation":
            yield f"{one['Endpoint']} has not agreed to mails: follow the link in AWS's mail."


def _budget(_settings: Settings) -> Iterator[str]:
    """Tell whether the tag by which the budget counts is one that Billing knows."""
    billing = client("ce", "us-east-1")  # it lives in one region
    if not billing.list_cost_allocation_tags(Status="Active", TagKeys=[TAG])["CostAllocationTags"]:
        yield (
            f"The budget counts nothing before the tag {TAG} is activated: Billing, Cost allocation"
            " tags, where it appears a day after the first deploy."
        )


def _files(settings: Settings) -> Iterator[str]:
    """Tell whether anything has landed."""
    landed = list_objects(client("s3"), settings.raw.below(LANDING.rstrip("/")))
    if not any(found.key.endswith("_SUCCESS") for found in landed):
        yield "No files have landed: `python -m glue upload FOLDER`, which starts the first run."


def _described(ec2: Any, operation: str, vpc: str, key: str) -> list[dict[str, Any]]:  # noqa: ANN401
    pages = ec2.get_paginator(operation).paginate(Filters=[{"Name": "vpc-id", "Values": [vpc]}])
    return [one for page in pages for one in page[key]]


def _listed(names: str) -> list[str]:
    return [name.strip() for name in names.split(",") if name.strip()]


CHECKS = (
    Check("the way from the subnets to the internet", Kind.STOPS, _subnets),
    Check("gateways to S3", Kind.STOPS, _gateways),
    Check("Fargate's quota", Kind.STOPS, _vcpus),
    Check("Lake Formation", Kind.WARNS, _lake_formation),
    Check("the image", Kind.NEXT, _image),
    Check("the mail's subscription", Kind.NEXT, _mail),
    Check("the budget's tag", Kind.NEXT, _budget),
    Check("files in the raw zone", Kind.NEXT, _files),
)

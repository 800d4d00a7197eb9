"""A VPC."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..aws.client import Aws
from ..aws.permissions import to_apply, to_destroy, to_look
from ..aws.snapshot import ApiObject, Snapshot, tags_of
from .base import Ids, Observed, Resource, kind
from .tagging import Tagging
from .vpc_obstacles import obstacles_in


@kind
class Vpc(Resource):
    """A private network with a range of addresses, and DNS names for its instances.

    Both DNS attributes are AWS's defaults only for a default VPC; interface and gateway
    endpoints need them.
    https://docs.aws.amazon.com/vpc/latest/userguide/AmazonDNS-concepts.html
    """

    cidr: str
    dns_support: bool = True
    dns_hostnames: bool = True

    immutable = frozenset({"cidr"})
    eventual_errors = frozenset({"InvalidVpcID.NotFound"})  # it may be listed before it can be changed

    repeatable_create = False

    needs = (
        to_look("ec2:DescribeVpcs"),
        to_look("ec2:DescribeVpcAttribute", on="ec2:vpc/*"),
        to_apply("ec2:CreateTags", "ec2:CreateVpc", "ec2:ModifyVpcAttribute", on="ec2:vpc/*"),
        to_destroy("ec2:DeleteVpc", on="ec2:vpc/*"),
        to_destroy(
            "ec2:DescribeCarrierGateways", "ec2:DescribeEgressOnlyInternetGateways", "ec2:DescribeInstances",
            "ec2:DescribeInternetGateways", "ec2:DescribeNatGateways", "ec2:DescribeNetworkAcls",
            "ec2:DescribeNetworkInterfaces", "ec2:DescribeRouteTables", "ec2:DescribeSecurityGroups",
            "ec2:DescribeSubnets", "ec2:DescribeVpcEndpoints", "ec2:DescribeVpcPeeringConnections",
            "ec2:DescribeVpnGateways",
        ),
    )  # fmt: skip

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Find the VPC by its tags, with its two attributes for DNS."""
        vpc = snapshot.find("describe_vpcs", "Vpcs", self)
        if vpc is None:
            return None
        support = _attribute(snapshot, vpc["VpcId"], "enableDnsSupport")
        hostnames = _attribute(snapshot, vpc["VpcId"], "enableDnsHostnames")
        if support is None or hostnames is None:
            return None
        state = {"cidr": vpc["CidrBlock"], "dns_support": support, "dns_hostnames": hostnames}
        return Observed(
            vpc["VpcId"],
            state,
            ready=vpc["State"] == "available",
            status=vpc["State"],
            tagging=Tagging.of("ec2", vpc["VpcId"], vpc),
        )

    def create(self, aws: Aws, ids: Ids) -> None:
        """Create the VPC; an update sets its attributes."""
        aws.ec2.create_vpc(CidrBlock=self.cidr, TagSpecifications=aws.tag_spec("vpc", self))

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        """Set the attributes for DNS, one in each call."""
        # AWS accepts one attribute per call; host names need DNS support first.
        if "dns_support" in drift:
            aws.ec2.modify_vpc_attribute(VpcId=observed.id, EnableDnsSupport={"Value": self.dns_support})
        if "dns_hostnames" in drift:
            aws.ec2.modify_vpc_attribute(VpcId=observed.id, EnableDnsHostnames={"Value": self.dns_hostnames})

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Delete the VPC; AWS refuses while something is in it."""
        aws.ec2.delete_vpc(VpcId=observed.id)

    def users(self, snapshot: Snapshot, observed: Observed) -> str:
        """Name what somebody else has put into it since."""
        return ", ".join(obstacles_in(snapshot, observed.id))

    def obstacles(self, snapshot: Snapshot, observed: Observed) -> Iterable[str]:
        """Whatever somebody else has put into it."""
        return obstacles_in(snapshot, observed.id)


def _attribute(snapshot: Snapshot, vpc: str, name: str) -> bool | None:
    answer = snapshot.get(
        "ec2", "describe_vpc_attribute", missing="InvalidVpcID.NotFound", VpcId=vpc, Attribute=name
    )  # AWS has no call for the attributes of all VPCs
    return answer[name[0].upper() + name[1:]]["Value"] if answer else None


def in_vpc(snapshot: Snapshot, operation: str, result: str, vpc: str | None) -> Iterator[ApiObject]:
    """What EC2 lists of a VPC and is tagged as nothing of a runbook's; nothing while there is no VPC."""
    found = snapshot.inside(operation, result, vpc) if vpc else []
    yield from (one for one in found if snapshot.aws.KEY not in tags_of(one))

"""A subnet in one availability zone."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network

from ..aws.client import Aws
from ..aws.permissions import to_apply, to_destroy, to_look
from ..aws.snapshot import Snapshot
from .base import Ids, Observed, Resource, kind
from .network_interfaces import LINGER, describe_interfaces
from .predictions import Twin
from .tagging import Tagging
from .vpc import Vpc, in_vpc


@kind
class Subnet(Resource):
    """A range of a VPC's addresses in one zone; it is public when its route table leads to an internet gateway."""

    vpc: Vpc
    cidr: str
    zone: str
    public_ips: bool = False

    immutable = frozenset({"vpc", "cidr", "zone"})
    delete_timeout = LINGER
    eventual_errors = frozenset({"InvalidVpcID.NotFound"})

    needs = (
        to_look("ec2:DescribeSubnets"),
        to_destroy("ec2:DescribeNetworkInterfaces"),
        to_apply("ec2:CreateSubnet", "ec2:CreateTags", "ec2:ModifySubnetAttribute", on=("ec2:subnet/*", "ec2:vpc/*")),
        to_destroy("ec2:DeleteSubnet", on="ec2:subnet/*"),
    )

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Find the subnet by its tags."""
        subnet = snapshot.find("describe_subnets", "Subnets", self, vpc=ids.get(self.vpc))
        if subnet is None:
            return None
        state = {
            "vpc": subnet["VpcId"],
            "cidr": subnet["CidrBlock"],
            "zone": subnet["AvailabilityZone"],
            "public_ips": subnet["MapPublicIpOnLaunch"],
        }
        return Observed(
            subnet["SubnetId"],
            state,
            ready=subnet["State"] == "available",
            status=subnet["State"],
            tagging=Tagging.of("ec2", subnet["SubnetId"], subnet),
        )

    def twins(self, snapshot: Snapshot, ids: Ids) -> Iterator[Twin]:
        """The subnets of the VPC with its addresses, or some of them."""
        for subnet in in_vpc(snapshot, "describe_subnets", "Subnets", ids.get(self.vpc)):
            if (cidr := subnet["CidrBlock"]) == self.cidr:
                yield Twin(subnet["SubnetId"], "addresses", ours=True)
            elif ip_network(cidr).overlaps(ip_network(self.cidr)):
                yield Twin(subnet["SubnetId"], f"addresses in part, {cidr}", ours=False)

    def create(self, aws: Aws, ids: Ids) -> None:
        """Create the subnet in its zone; an update sets whether servers get public addresses."""
        aws.ec2.create_subnet(
            VpcId=ids[self.vpc],
            CidrBlock=self.cidr,
            AvailabilityZone=self.zone,
            TagSpecifications=aws.tag_spec("subnet", self),
        )

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        """Set whether servers get public addresses."""
        aws.ec2.modify_subnet_attribute(SubnetId=observed.id, MapPublicIpOnLaunch={"Value": self.public_ips})

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Delete the subnet; AWS refuses while something uses it."""
        aws.ec2.delete_subnet(SubnetId=observed.id)

    def users(self, snapshot: Snapshot, observed: Observed) -> str:
        """Name the network interfaces in the subnet."""
        return describe_interfaces(snapshot, "subnet-id", observed.id)

"""An interface endpoint: access to a service of AWS from within the VPC, without the internet."""

from __future__ import annotations

from ..aws.client import Aws
from ..aws.permissions import to_apply, to_destroy, to_look
from ..aws.snapshot import Snapshot
from .base import Ids, Observed, Resource, kind
from .security_group import SecurityGroup
from .subnet import Subnet
from .tagging import Tagging
from .vpc import Vpc
from .vpc_endpoint import OPEN, OPEN_POLICY, describe_policy


@kind
class InterfaceEndpoint(Resource):
    """An interface in each of the subnets, which answers to the service's own name in the whole VPC.

    https://docs.aws.amazon.com/vpc/latest/privatelink/create-interface-endpoint.html

    Args:
        service: The last part of its name, e.g. ``ssm``.
    """

    vpc: Vpc
    service: str
    subnets: tuple[Subnet, ...]
    groups: tuple[SecurityGroup, ...]

    immutable = frozenset({"vpc", "service"})
    eventual_errors = frozenset(
        {
            "InvalidVpcId.NotFound",
            "InvalidVpcID.NotFound",
            "InvalidSubnetId.NotFound",
            "InvalidSubnetID.NotFound",
            "InvalidGroup.NotFound",
            "InvalidSecurityGroupId.NotFound",
        }
    )
    update_when_ready = True
    if_failed = "Correct the cause. It holds no data: if it cannot recover, delete it in the console, then apply again."
    wait_timeout = 900
    usual_wait = usual_delete = "1 to 3 min"

    needs = (
        to_look("ec2:DescribeVpcEndpoints"),
        to_apply(
            "ec2:CreateTags", "ec2:CreateVpcEndpoint", "ec2:ModifyVpcEndpoint",
            on=("ec2:security-group/*", "ec2:subnet/*", "ec2:vpc-endpoint/*", "ec2:vpc/*"),
        ),
        # The name of the service gets a private zone in Route 53.
        # https://docs.aws.amazon.com/vpc/latest/privatelink/create-interface-endpoint.html
        to_apply("route53:AssociateVPCWithHostedZone", label="private-names"),
        to_destroy("ec2:DeleteVpcEndpoints", on="ec2:vpc-endpoint/*"),
    )  # fmt: skip

    def desired(self, ids: Ids) -> dict[str, object]:
        """Expect that it answers to the service's own name, and AWS's own policy."""
        return {**super().desired(ids), "private_dns": True, "policy": OPEN}

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Find the endpoint by its tags; one that is deleted does not count."""
        gone = ("deleted", "Deleted")
        vpc = ids.get(self.vpc)
        endpoint = snapshot.find("describe_vpc_endpoints", "VpcEndpoints", self, vpc=vpc, ignore_states=gone)
        if endpoint is None:
            return None
        status = endpoint["State"].lower()
        state = {
            "vpc": endpoint["VpcId"],
            "service": endpoint["ServiceName"].rpartition(".")[2],
            "subnets": frozenset(endpoint["SubnetIds"]),
            "groups": frozenset(group["GroupId"] for group in endpoint["Groups"]),
            "private_dns": endpoint["PrivateDnsEnabled"],
            "policy": describe_policy(endpoint),
        }
        failed = endpoint.get("FailureReason", "") or status if status in ("failed", "rejected", "expired") else ""
        return Observed(
            endpoint["VpcEndpointId"],
            state,
            ready=status == "available",
            status=status,
            failed=failed,
            deleting=status == "deleting",
            tagging=Tagging.of("ec2", endpoint["VpcEndpointId"], endpoint),
        )

    def create(self, aws: Aws, ids: Ids) -> None:
        """Create the endpoint with an interface in each subnet."""
        aws.ec2.create_vpc_endpoint(
            VpcEndpointType="Interface",
            VpcId=ids[self.vpc],
            ServiceName=f"com.amazonaws.{aws.region}.{self.service}",
            SubnetIds=sorted(ids[subnet] for subnet in self.subnets),
            SecurityGroupIds=sorted(ids[group] for group in self.groups),
            PrivateDnsEnabled=True,
            ClientToken=aws.token(self, ids[self.vpc]),
            TagSpecifications=aws.tag_spec("vpc-endpoint", self),
        )

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        """Add and remove subnets and security groups, let it answer to the service's name, and open its policy."""
        request: dict[str, object] = {"PrivateDnsEnabled": True} if "private_dns" in drift else {}
        if "policy" in drift:
            request["PolicyDocument"] = OPEN_POLICY
        for field, name, wanted in (
            ("subnets", "SubnetIds", {ids[subnet] for subnet in self.subnets}),
            ("groups", "SecurityGroupIds", {ids[group] for group in self.groups}),
        ):
            changes = {"Add": wanted - observed.state[field], "Remove": observed.state[field] - wanted}
            request |= {f"{verb}{name}": sorted(some) for verb, some in changes.items() if some}
        aws.ec2.modify_vpc_endpoint(VpcEndpointId=observed.id, **request)

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Delete the endpoint with its interfaces."""
        aws.ec2.delete_vpc_endpoints(VpcEndpointIds=[observed.id])

"""A NAT gateway."""

from __future__ import annotations

from ..aws.client import Aws
from ..aws.permissions import to_apply, to_destroy, to_look
from ..aws.snapshot import Snapshot
from .base import Ids, Observed, Resource, kind
from .elastic_ip import ElasticIp
from .internet_gateway import InternetGateway
from .subnet import Subnet
from .tagging import Tagging


@kind
class NatGateway(Resource):
    """Access to the internet for instances without a public address, in one zone.

    ``gateway`` is not a field in AWS: a NAT gateway fails in a VPC without an internet
    gateway, and the gateway cannot be detached while the NAT's address is mapped.
    """

    subnet: Subnet
    address: ElasticIp
    gateway: InternetGateway

    immutable = frozenset({"subnet", "address", "gateway"})
    eventual_errors = frozenset({"InvalidSubnetID.NotFound", "InvalidAllocationID.NotFound", "Gateway.NotAttached"})
    wait_timeout = 900
    usual_wait, usual_delete = "1 to 2 min", "1 min"  # 84-125 s, 42-61 s
    # https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-troubleshooting.html
    if_failed = (
        "Correct the cause. AWS removes a failed NAT gateway after about an hour; to go on at once, delete it in the"
        " console. Then apply again."
    )

    needs = (
        to_look("ec2:DescribeNatGateways"),
        to_apply(
            "ec2:CreateNatGateway", "ec2:CreateTags",
            on=("ec2:elastic-ip/*", "ec2:natgateway/*", "ec2:subnet/*", "ec2:vpc/*"),
        ),
        to_destroy("ec2:DeleteNatGateway", on="ec2:natgateway/*"),
    )  # fmt: skip

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Find the gateway by its tags; one that is deleted stays listed, and does not count."""
        # A deleted NAT gateway stays listed for about an hour, a failed one too.
        # https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-working-with.html
        nat = snapshot.find(
            "describe_nat_gateways", "NatGateways", self, vpc=ids.get(self.subnet.vpc), filter_field="Filter",
            ignore_states=("deleted",),
        )  # fmt: skip
        if nat is None:
            return None
        address = nat["NatGatewayAddresses"][0] if nat["NatGatewayAddresses"] else {}
        state = {
            "subnet": nat["SubnetId"],
            "address": address.get("AllocationId"),
            "gateway": ids.get(self.gateway),
        }
        return Observed(
            nat["NatGatewayId"],
            state,
            ready=nat["State"] == "available",
            status=nat["State"],
            failed=nat.get("FailureMessage", "") if nat["State"] == "failed" else "",
            deleting=nat["State"] == "deleting",
            detail={"address": address.get("PublicIp")},
            tagging=Tagging.of("ec2", nat["NatGatewayId"], nat),
        )

    def create(self, aws: Aws, ids: Ids) -> None:
        """Create a public gateway with the address."""
        aws.ec2.create_nat_gateway(
            SubnetId=ids[self.subnet],
            AllocationId=ids[self.address],
            ConnectivityType="public",
            ClientToken=aws.token(self, ids[self.subnet], ids[self.address]),
            TagSpecifications=aws.tag_spec("natgateway", self),
        )

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Delete the gateway; its address is free when that has ended."""
        aws.ec2.delete_nat_gateway(NatGatewayId=observed.id)

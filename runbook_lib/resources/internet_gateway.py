"""An internet gateway, attached to a VPC."""

from __future__ import annotations

from ..aws.client import Aws
from ..aws.permissions import to_apply, to_change, to_destroy, to_look
from ..aws.snapshot import Snapshot
from .base import Ids, Observed, Resource, kind
from .network_interfaces import LINGER, describe_interfaces
from .tagging import Tagging
from .vpc import Vpc

_ON = ("ec2:internet-gateway/*", "ec2:vpc/*")


@kind
class InternetGateway(Resource):
    """The VPC's connection to the internet."""

    vpc: Vpc

    delete_timeout = LINGER
    eventual_errors = frozenset({"InvalidVpcID.NotFound", "InvalidInternetGatewayID.NotFound"})

    repeatable_create = False

    needs = (
        to_look("ec2:DescribeInternetGateways"),
        to_destroy("ec2:DescribeNetworkInterfaces"),
        to_apply("ec2:AttachInternetGateway", "ec2:CreateInternetGateway", "ec2:CreateTags", on=_ON),
        to_change("ec2:DetachInternetGateway", on=_ON),
        to_destroy("ec2:DeleteInternetGateway", on="ec2:internet-gateway/*"),
    )

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Find the gateway by its tags; it is ready when it is attached."""
        gateway = snapshot.find("describe_internet_gateways", "InternetGateways", self)
        if gateway is None:
            return None
        attached = gateway["Attachments"][0] if gateway["Attachments"] else {}
        # AWS calls an attached internet gateway "available".
        status = attached.get("State", "detached")
        state = {"vpc": attached.get("VpcId")}
        return Observed(
            gateway["InternetGatewayId"],
            state,
            ready=status in ("available", "attached"),
            status=status,
            tagging=Tagging.of("ec2", gateway["InternetGatewayId"], gateway),
        )

    def create(self, aws: Aws, ids: Ids) -> None:
        """Create a gateway; an update attaches it."""
        aws.ec2.create_internet_gateway(TagSpecifications=aws.tag_spec("internet-gateway", self))

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        """Attach the gateway to our VPC, after detaching it from any other."""
        if observed.state["vpc"]:
            aws.ec2.detach_internet_gateway(InternetGatewayId=observed.id, VpcId=observed.state["vpc"])
        aws.ec2.attach_internet_gateway(InternetGatewayId=observed.id, VpcId=ids[self.vpc])

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Detach the gateway and delete it."""
        if observed.state["vpc"]:
            aws.ec2.detach_internet_gateway(InternetGatewayId=observed.id, VpcId=observed.state["vpc"])
        aws.ec2.delete_internet_gateway(InternetGatewayId=observed.id)

    def users(self, snapshot: Snapshot, observed: Observed) -> str:
        """AWS detaches it only when no interface of the VPC has a public address."""
        vpc = observed.state["vpc"]
        return describe_interfaces(snapshot, "vpc-id", vpc, public=True) if vpc else ""

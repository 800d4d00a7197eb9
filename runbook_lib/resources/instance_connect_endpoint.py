"""An EC2 Instance Connect Endpoint: SSH to servers without a public address, and without a bastion."""

from __future__ import annotations

from ..aws.client import Aws
from ..aws.permissions import linked_role, to_apply, to_destroy, to_look
from ..aws.snapshot import Snapshot
from .base import Ids, Observed, Resource, kind
from .security_group import SecurityGroup
from .subnet import Subnet
from .tagging import Tagging


@kind
class InstanceConnectEndpoint(Resource):
    """A way in for those whom IAM lets open a tunnel; a VPC has one.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/connect-with-ec2-instance-connect-endpoint.html
    """

    subnet: Subnet
    groups: tuple[SecurityGroup, ...]

    immutable = frozenset({"subnet", "groups"})
    eventual_errors = frozenset(
        {"InvalidSubnetId.NotFound", "InvalidSubnetID.NotFound", "InvalidGroup.NotFound",
         "InvalidSecurityGroupId.NotFound"}
    )  # fmt: skip
    if_failed = "Correct the cause. It holds no data: delete it in the console, then apply again."
    wait_timeout = 900
    usual_wait = usual_delete = "1 to 5 min"

    needs = (
        to_look("ec2:DescribeInstanceConnectEndpoints"),
        # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/permissions-for-ec2-instance-connect-endpoint.html
        to_apply(
            "ec2:CreateInstanceConnectEndpoint", "ec2:CreateNetworkInterface", "ec2:CreateTags",
            on=(
                "ec2:instance-connect-endpoint/*", "ec2:network-interface/*", "ec2:security-group/*", "ec2:subnet/*",
            ),
        ),
        linked_role("ec2-instance-connect"),
        to_destroy("ec2:DeleteInstanceConnectEndpoint", on="ec2:instance-connect-endpoint/*"),
    )  # fmt: skip

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Find the endpoint by its tags; one that is deleted does not count."""
        endpoint = snapshot.find(
            "describe_instance_connect_endpoints", "InstanceConnectEndpoints", self, ignore_states=("delete-complete",)
        )
        if endpoint is None:
            return None
        status, own = endpoint["State"], endpoint["InstanceConnectEndpointId"]
        state = {"subnet": endpoint["SubnetId"], "groups": frozenset(endpoint["SecurityGroupIds"])}
        return Observed(
            own,
            state,
            ready=status in ("create-complete", "update-complete"),
            status=status,
            failed=endpoint["StateMessage"] or status if status == "create-failed" else "",
            deleting=status == "delete-in-progress",
            detail={"interfaces": sorted(endpoint["NetworkInterfaceIds"])},
            tagging=Tagging.of("ec2", own, endpoint),
        )

    def create(self, aws: Aws, ids: Ids) -> None:
        """Create the endpoint; servers see its address, not the person's."""
        aws.ec2.create_instance_connect_endpoint(
            SubnetId=ids[self.subnet],
            SecurityGroupIds=sorted(ids[group] for group in self.groups),
            PreserveClientIp=False,
            ClientToken=aws.token(self, ids[self.subnet]),
            TagSpecifications=aws.tag_spec("instance-connect-endpoint", self),
        )

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Delete the endpoint."""
        aws.ec2.delete_instance_connect_endpoint(InstanceConnectEndpointId=observed.id)

"""A gateway endpoint: access to S3 within AWS's network, free of charge."""

from __future__ import annotations

from ..aws.client import Aws
from ..aws.permissions import to_apply, to_destroy, to_look
from ..aws.snapshot import Snapshot
from .base import Ids, Observed, Resource, kind
from .tagging import Tagging
from .vpc import Vpc


@kind
class VpcEndpoint(Resource):
    """A gateway endpoint of a VPC; a :class:`VpcEndpointRoute` adds it to a route table.

    Args:
        service: The last part of its name, e.g. ``s3``.
    """

    vpc: Vpc
    service: str

    immutable = frozenset({"vpc", "service"})
    eventual_errors = frozenset({"InvalidVpcId.NotFound", "InvalidVpcID.NotFound"})
    if_failed = "Correct the cause. It holds no data: if it cannot recover, delete it in the console, then apply again."

    needs = (
        to_look("ec2:DescribeVpcEndpoints"),
        to_apply("ec2:CreateTags", "ec2:CreateVpcEndpoint", on=("ec2:vpc-endpoint/*", "ec2:vpc/*")),
        to_destroy("ec2:DeleteVpcEndpoints", on="ec2:vpc-endpoint/*"),
    )

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Find the endpoint by its tags; one that is deleted does not count."""
        # AWS's documentation writes the states with capitals, AWS without.
        gone = ("deleted", "Deleted")
        endpoint = snapshot.find("describe_vpc_endpoints", "VpcEndpoints", self, ignore_states=gone)
        if endpoint is None:
            return None
        status = endpoint["State"].lower()
        state = {"vpc": endpoint["VpcId"], "service": endpoint["ServiceName"].rpartition(".")[2]}
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
        """Create a gateway endpoint for the service of the region."""
        aws.ec2.create_vpc_endpoint(
            VpcEndpointType="Gateway",
            VpcId=ids[self.vpc],
            ServiceName=f"com.amazonaws.{aws.region}.{self.service}",
            ClientToken=aws.token(self, ids[self.vpc]),
            TagSpecifications=aws.tag_spec("vpc-endpoint", self),
        )

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Delete the endpoint with its routes."""
        aws.ec2.delete_vpc_endpoints(VpcEndpointIds=[observed.id])

"""A gateway endpoint: access to S3 within AWS's network, free of charge."""

from __future__ import annotations

import json
from typing import Any

from ..aws.client import Aws
from ..aws.permissions import to_apply, to_destroy, to_look
from ..aws.policy_document import is_same
from ..aws.snapshot import ApiObject, Snapshot
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
        to_apply("ec2:ModifyVpcEndpoint", on="ec2:vpc-endpoint/*"),
        to_destroy("ec2:DeleteVpcEndpoints", on="ec2:vpc-endpoint/*"),
    )

    def desired(self, ids: Ids) -> dict[str, Any]:
        """Expect the policy that AWS gives a new endpoint: the policies of roles and buckets say what may be done.

        https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html
        """
        return {**super().desired(ids), "policy": OPEN}

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Find the endpoint by its tags; one that is deleted does not count."""
        # AWS's documentation writes the states with capitals, AWS without.
        gone = ("deleted", "Deleted")
        endpoint = snapshot.find(
            "describe_vpc_endpoints", "VpcEndpoints", self, vpc=ids.get(self.vpc), ignore_states=gone
        )
        if endpoint is None:
            return None
        status = endpoint["State"].lower()
        state = {
            "vpc": endpoint["VpcId"],
            "service": endpoint["ServiceName"].rpartition(".")[2],
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
        """Create a gateway endpoint for the service of the region."""
        aws.ec2.create_vpc_endpoint(
            VpcEndpointType="Gateway",
            VpcId=ids[self.vpc],
            ServiceName=f"com.amazonaws.{aws.region}.{self.service}",
            ClientToken=aws.token(self, ids[self.vpc]),
            TagSpecifications=aws.tag_spec("vpc-endpoint", self),
        )

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        """Give the endpoint AWS's own policy again."""
        aws.ec2.modify_vpc_endpoint(VpcEndpointId=observed.id, PolicyDocument=OPEN_POLICY)

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Delete the endpoint with its routes."""
        aws.ec2.delete_vpc_endpoints(VpcEndpointIds=[observed.id])


OPEN = "everything"
OPEN_POLICY = json.dumps(
    {
        "Version": "2008-10-17",
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}],
    }
)


def describe_policy(endpoint: ApiObject) -> str:
    """The policy of an endpoint, if it is not the one that AWS gives a new one."""
    text = endpoint.get("PolicyDocument") or OPEN_POLICY
    return OPEN if is_same(text, OPEN_POLICY) else str(text)

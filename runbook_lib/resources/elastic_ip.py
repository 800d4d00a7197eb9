"""An Elastic IP address."""

from __future__ import annotations

from ..aws.client import Aws
from ..aws.permissions import to_apply, to_destroy, to_look
from ..aws.snapshot import Snapshot
from .base import Ids, Observed, Resource, kind
from .tagging import Tagging


@kind
class ElasticIp(Resource):
    """A public address; the resource that uses it refers to it."""

    repeatable_create = False

    needs = (
        to_look("ec2:DescribeAddresses"),
        to_apply("ec2:AllocateAddress", "ec2:CreateTags", on="ec2:elastic-ip/*"),
        to_destroy("ec2:ReleaseAddress", on="ec2:elastic-ip/*"),
    )

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Find the address by its tags."""
        address = snapshot.find("describe_addresses", "Addresses", self)
        if address is None:
            return None
        status = "associated" if address.get("AssociationId") else "free"
        return Observed(
            address["AllocationId"],
            {},
            status=status,
            detail={"address": address["PublicIp"]},
            tagging=Tagging.of("ec2", address["AllocationId"], address),
        )

    def create(self, aws: Aws, ids: Ids) -> None:
        """Allocate an address for use in a VPC."""
        aws.ec2.allocate_address(Domain="vpc", TagSpecifications=aws.tag_spec("elastic-ip", self))

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Release the address; AWS refuses while it is associated."""
        aws.ec2.release_address(AllocationId=observed.id)

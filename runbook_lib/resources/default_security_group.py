"""The security group that AWS makes with every VPC, emptied."""

from __future__ import annotations

from typing import Any

from ..aws.client import Aws
from ..aws.snapshot import Snapshot
from .base import Ids, Observed, Resource, kind
from .security_group import describe_rule
from .vpc import Vpc


@kind
class DefaultSecurityGroup(Resource):
    """Lets nothing in and nothing out, so that what forgets to name its group can reach nothing.

    AWS makes it with the VPC and deletes it with the VPC; it can be neither made nor deleted.
    https://docs.aws.amazon.com/vpc/latest/userguide/default-security-group.html
    """

    vpc: Vpc

    implicit = True

    def desired(self, ids: Ids) -> dict[str, Any]:
        return {"ingress": frozenset(), "egress": frozenset()}

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        if self.vpc not in ids:
            return None
        filters = [{"Name": "vpc-id", "Values": [ids[self.vpc]]}, {"Name": "group-name", "Values": ["default"]}]
        groups = snapshot.all("ec2", "describe_security_groups", "SecurityGroups", Filters=filters)
        if not groups:
            return None
        (group,) = groups
        state = {way: describe_rule(group[field]) for way, field in _WAYS.items()}
        permissions = {way: group[field] for way, field in _WAYS.items()}
        return Observed(group["GroupId"], state, detail={"_permissions": permissions})

    def create(self, aws: Aws, ids: Ids) -> None:
        """AWS makes it, moments after the VPC."""

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        permissions = observed.detail["_permissions"]
        if "ingress" in drift:
            aws.ec2.revoke_security_group_ingress(GroupId=observed.id, IpPermissions=permissions["ingress"])
        if "egress" in drift:
            aws.ec2.revoke_security_group_egress(GroupId=observed.id, IpPermissions=permissions["egress"])

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """It goes with the VPC."""


_WAYS = {"ingress": "IpPermissions", "egress": "IpPermissionsEgress"}

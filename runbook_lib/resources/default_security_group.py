"""The default security group of a VPC, without rules."""

from __future__ import annotations

from typing import Any

from ..aws.client import Aws
from ..aws.permissions import to_apply, to_look
from ..aws.snapshot import Snapshot
from .base import Ids, Observed, Resource, kind
from .security_group import describe_permissions
from .vpc import Vpc


@kind
class DefaultSecurityGroup(Resource):
    """The default group, which allows nothing, so that a resource without a group reaches nothing.

    AWS creates and deletes it together with the VPC.
    https://docs.aws.amazon.com/vpc/latest/userguide/default-security-group.html
    """

    vpc: Vpc

    implicit = True
    eventual_errors = frozenset({"InvalidGroup.NotFound"})  # it may be listed before it can be changed

    needs = (
        to_look("ec2:DescribeSecurityGroups"),
        to_apply("ec2:RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress", on="ec2:security-group/*"),
    )

    def desired(self, ids: Ids) -> dict[str, Any]:
        """Expect no rule at all."""
        return {"ingress": frozenset(), "egress": frozenset()}

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Read the VPC's default group with all its rules."""
        if self.vpc not in ids:
            return None
        groups = snapshot.inside("describe_security_groups", "SecurityGroups", ids[self.vpc])
        group = next((group for group in groups if group["GroupName"] == "default"), None)
        if group is None:
            return None
        state = {direction: describe_permissions(group[field]) for direction, field in _DIRECTIONS.items()}
        permissions = {direction: group[field] for direction, field in _DIRECTIONS.items()}
        return Observed(group["GroupId"], state, detail={"_permissions": permissions})

    def create(self, aws: Aws, ids: Ids) -> None:
        """Nothing to send: AWS creates it moments after the VPC."""

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        """Revoke every rule that was observed."""
        permissions = observed.detail["_permissions"]
        if "ingress" in drift:
            aws.ec2.revoke_security_group_ingress(GroupId=observed.id, IpPermissions=permissions["ingress"])
        if "egress" in drift:
            aws.ec2.revoke_security_group_egress(GroupId=observed.id, IpPermissions=permissions["egress"])

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Never called: AWS deletes it with the VPC."""


_DIRECTIONS = {"ingress": "IpPermissions", "egress": "IpPermissionsEgress"}

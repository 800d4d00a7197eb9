"""One ingress rule of a security group, created and deleted independently of the others."""

from __future__ import annotations

from typing import Any

from ..aws.client import Aws
from ..aws.permissions import to_apply, to_destroy, to_look
from .base import Ids, Observed, kind
from .security_group import IngressRule, SecurityGroup

_ON = ("ec2:security-group-rule/*", "ec2:security-group/*")


@kind
class SecurityGroupRule(IngressRule):
    """Allows TCP from one source to one port.

    Args:
        source: A network in CIDR notation, or a group whose members are allowed.
    """

    port: int
    source: str | SecurityGroup
    description: str

    immutable = frozenset({"group"})
    owner_field = "group"
    eventual_errors = frozenset({"InvalidGroup.NotFound"})

    needs = (
        to_look("ec2:DescribeSecurityGroupRules"),
        to_apply("ec2:AuthorizeSecurityGroupIngress", "ec2:CreateTags", "ec2:ModifySecurityGroupRules", on=_ON),
        to_destroy("ec2:RevokeSecurityGroupIngress", on=_ON),
    )

    def create(self, aws: Aws, ids: Ids) -> None:
        """Allow TCP to the port from an address range or from another group."""
        source: dict[str, Any] = (
            {"IpRanges": [{"CidrIp": self.source, "Description": self.description}]}
            if isinstance(self.source, str)
            else {"UserIdGroupPairs": [{"GroupId": ids[self.source], "Description": self.description}]}
        )
        aws.ec2.authorize_security_group_ingress(
            GroupId=ids[self.group],
            IpPermissions=[{"IpProtocol": "tcp", "FromPort": self.port, "ToPort": self.port, **source}],
            TagSpecifications=aws.tag_spec("security-group-rule", self),
        )

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        """Rewrite the rule under its id."""
        source = {"CidrIpv4": self.source} if isinstance(self.source, str) else {"ReferencedGroupId": ids[self.source]}
        rule = {"IpProtocol": "tcp", "FromPort": self.port, "ToPort": self.port, "Description": self.description}
        aws.ec2.modify_security_group_rules(
            GroupId=ids[self.group],
            SecurityGroupRules=[{"SecurityGroupRuleId": observed.id, "SecurityGroupRule": rule | source}],
        )

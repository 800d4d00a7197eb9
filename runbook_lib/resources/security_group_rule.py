"""One ingress rule of a security group, created and deleted independently of the others."""

from __future__ import annotations

from typing import Any

from ..aws.client import Aws
from ..aws.permissions import to_apply, to_destroy, to_look
from ..aws.snapshot import Snapshot, at_most_one, tags_of
from .base import Ids, Observed, Resource, kind
from .security_group import SecurityGroup, own_groups, rules_of
from .tagging import Tagging
from .traffic import Ports

_ON = ("ec2:security-group-rule/*", "ec2:security-group/*")


@kind
class SecurityGroupRule(Resource):
    """Allows TCP from one source to one port.

    Args:
        source: A network in CIDR notation, or a group whose members are allowed.
    """

    group: SecurityGroup
    port: int
    source: str | SecurityGroup
    description: str

    immutable = frozenset({"group"})
    eventual_errors = frozenset({"InvalidGroup.NotFound"})

    needs = (
        to_look("ec2:DescribeSecurityGroupRules"),
        to_apply("ec2:AuthorizeSecurityGroupIngress", "ec2:CreateTags", "ec2:ModifySecurityGroupRules", on=_ON),
        to_destroy("ec2:RevokeSecurityGroupIngress", on=_ON),
    )

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        own = {snapshot.aws.ENV: snapshot.aws.env, snapshot.aws.KEY: self.key}
        rules = rules_of(snapshot, own_groups(snapshot))
        rule = at_most_one([rule for rule in rules if own.items() <= tags_of(rule).items()], self)
        if rule is None:
            return None
        ports = Ports.of(rule)
        state = {
            "group": rule["GroupId"],
            # The text shows another protocol or a wider range, which a number would hide.
            "port": ports.low if ports == Ports("tcp", ports.low, ports.low) else ports.in_plan,
            "source": rule.get("CidrIpv4") or rule.get("ReferencedGroupInfo", {}).get("GroupId"),
            "description": rule.get("Description", ""),
        }
        tagging = Tagging.of("ec2", rule["SecurityGroupRuleId"], rule)
        return Observed(rule["SecurityGroupRuleId"], state, tagging=tagging)

    def create(self, aws: Aws, ids: Ids) -> None:
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
        source = {"CidrIpv4": self.source} if isinstance(self.source, str) else {"ReferencedGroupId": ids[self.source]}
        rule = {"IpProtocol": "tcp", "FromPort": self.port, "ToPort": self.port, "Description": self.description}
        aws.ec2.modify_security_group_rules(
            GroupId=ids[self.group],
            SecurityGroupRules=[{"SecurityGroupRuleId": observed.id, "SecurityGroupRule": rule | source}],
        )

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        aws.ec2.revoke_security_group_ingress(GroupId=observed.state["group"], SecurityGroupRuleIds=[observed.id])

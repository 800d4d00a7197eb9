"""A security group; its rules are resources of their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..aws.client import Aws
from ..aws.snapshot import ApiObject, Snapshot, tags_of
from .base import Ids, Observed, Resource, kind
from .vpc import Vpc


@kind
class SecurityGroup(Resource):
    """A named set of network interfaces that lets out everything, and in only what our rules say.

    ``strangers`` are ingress rules that nobody asks for, added by hand or left by older parameters:
    an open port is no matter of taste, so they are seen as a difference, and removed.

    Args:
        rules: The names of the rules that are asked for; ``None``: any that is tagged as ours.
    """

    vpc: Vpc
    description: str
    rules: tuple[str, ...] | None = None

    immutable = frozenset({"vpc", "description"})
    eventual_errors = frozenset({"InvalidVpcID.NotFound", "InvalidGroup.NotFound", "InvalidPermission.Duplicate"})
    wait_timeout = 300  # a load balancer's or database's interfaces leave minutes after it does

    def desired(self, ids: Ids) -> dict[str, Any]:
        wanted = {name: value for name, value in super().desired(ids).items() if name != "rules"}
        return {**wanted, "strangers": frozenset(), "egress": _EVERYTHING}

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        group = snapshot.find("describe_security_groups", "SecurityGroups", self)
        if group is None:
            return None
        rules = [rule for rule in rules_of(snapshot) if rule["GroupId"] == group["GroupId"] and not rule["IsEgress"]]
        strange = [rule for rule in rules if not self._asked_for(tags_of(rule), snapshot.aws)]
        state = {
            "vpc": group["VpcId"],
            "description": group["Description"],
            "strangers": frozenset(map(_told, strange)),
            "egress": describe_rule(group["IpPermissionsEgress"]),
        }
        detail = {"_strangers": [rule["SecurityGroupRuleId"] for rule in strange]}
        return Observed(group["GroupId"], state, detail=detail | {"_egress": group["IpPermissionsEgress"]})

    def _asked_for(self, tags: Mapping[str, str], aws: Aws) -> bool:
        kind_of, _, name = tags.get(aws.KEY, "").partition(".")
        ours = tags.get(aws.ENV) == aws.env and kind_of == "security_group_rule"
        return ours and (self.rules is None or name in self.rules)

    def create(self, aws: Aws, ids: Ids) -> None:
        # AWS gives a new group a rule that lets everything out.
        aws.ec2.create_security_group(
            GroupName=aws.name(self),
            Description=self.description,
            VpcId=ids[self.vpc],
            TagSpecifications=aws.tag_spec("security-group", self),
        )

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        if "strangers" in drift:
            aws.ec2.revoke_security_group_ingress(
                GroupId=observed.id, SecurityGroupRuleIds=observed.detail["_strangers"]
            )
        if "egress" in drift:
            if other := [p for p in observed.detail["_egress"] if describe_rule([p]) != _EVERYTHING]:
                aws.ec2.revoke_security_group_egress(GroupId=observed.id, IpPermissions=other)
            if not observed.state["egress"] >= _EVERYTHING:
                everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
                aws.ec2.authorize_security_group_egress(GroupId=observed.id, IpPermissions=[everything])

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        aws.ec2.delete_security_group(GroupId=observed.id)


_EVERYTHING = frozenset({"all 0.0.0.0/0"})


def rules_of(snapshot: Snapshot) -> list[ApiObject]:
    """Every rule of the region's groups, also those that somebody added by hand, which carry no tags."""
    return snapshot.all("ec2", "describe_security_group_rules", "SecurityGroupRules")


def describe_rule(permissions: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Permissions as a person reads them, one per source: ``{"tcp 22 203.0.113.0/24"}``."""
    sources = {"IpRanges": "CidrIp", "Ipv6Ranges": "CidrIpv6", "UserIdGroupPairs": "GroupId"}
    sources["PrefixListIds"] = "PrefixListId"
    return frozenset(
        f"{_ports(permission)} {source[name]}"
        for permission in permissions
        for field, name in sources.items()
        for source in permission.get(field) or ()
    )


def _told(rule: Mapping[str, Any]) -> str:
    referred = rule.get("ReferencedGroupInfo", {}).get("GroupId")
    return f"{_ports(rule)} {rule.get('CidrIpv4') or rule.get('CidrIpv6') or rule.get('PrefixListId') or referred}"


def _ports(rule: Mapping[str, Any]) -> str:
    if rule["IpProtocol"] == "-1":
        return "all"
    low, high = rule.get("FromPort"), rule.get("ToPort")
    return f"{rule['IpProtocol']} {low}" if low == high else f"{rule['IpProtocol']} {low}-{high}"

"""A security group; its rules are resources of their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..aws.client import Aws
from ..aws.permissions import to_apply, to_destroy, to_look
from ..aws.snapshot import ApiObject, Snapshot, tags_of
from .base import Ids, Observed, Resource, kind
from .network_interfaces import LINGER, describe_interfaces
from .tagging import Tagging
from .traffic import Ports
from .vpc import Vpc


@kind
class SecurityGroup(Resource):
    """A security group that allows all egress, and only the ingress of our rules.

    Its state has ``strangers``: ingress rules that the stack does not contain, added manually or
    left by older parameters.  They are open ports, so they count as drift and are revoked.

    Args:
        rules: The names of the rules in the stack; ``None`` accepts every rule that is tagged as ours.
    """

    vpc: Vpc
    description: str
    rules: tuple[str, ...] | None = None

    immutable = frozenset({"vpc", "description"})
    eventual_errors = frozenset({"InvalidVpcID.NotFound", "InvalidGroup.NotFound", "InvalidPermission.Duplicate"})
    wait_timeout = 300
    delete_timeout = LINGER

    needs = (
        to_look("ec2:DescribeSecurityGroupRules", "ec2:DescribeSecurityGroups"),
        to_destroy("ec2:DescribeNetworkInterfaces"),
        to_apply("ec2:CreateSecurityGroup", "ec2:CreateTags", on=("ec2:security-group/*", "ec2:vpc/*")),
        to_apply(
            "ec2:AuthorizeSecurityGroupEgress", "ec2:RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress",
            on=("ec2:security-group-rule/*", "ec2:security-group/*"),
        ),
        to_destroy("ec2:DeleteSecurityGroup", on="ec2:security-group/*"),
    )  # fmt: skip

    def desired(self, ids: Ids) -> dict[str, Any]:
        wanted = {name: value for name, value in super().desired(ids).items() if name != "rules"}
        return {**wanted, "strangers": frozenset(), "egress": _EVERYTHING}

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        group = snapshot.find("describe_security_groups", "SecurityGroups", self)
        if group is None:
            return None
        rules = [
            rule
            for rule in rules_of(snapshot, own_groups(snapshot))
            if rule["GroupId"] == group["GroupId"] and not rule["IsEgress"]
        ]
        strangers = [rule for rule in rules if not self._is_known(tags_of(rule), snapshot.aws)]
        state = {
            "vpc": group["VpcId"],
            "description": group["Description"],
            "strangers": frozenset(map(_describe_rule, strangers)),
            "egress": describe_permissions(group["IpPermissionsEgress"]),
        }
        detail = {"_strangers": [rule["SecurityGroupRuleId"] for rule in strangers]}
        return Observed(
            group["GroupId"],
            state,
            detail=detail | {"_egress": group["IpPermissionsEgress"]},
            tagging=Tagging.of("ec2", group["GroupId"], group),
        )

    def _is_known(self, tags: Mapping[str, str], aws: Aws) -> bool:
        kind_of, _, name = tags.get(aws.KEY, "").partition(".")
        ours = tags.get(aws.ENV) == aws.env and kind_of == "security_group_rule"
        return ours and (self.rules is None or name in self.rules)

    def create(self, aws: Aws, ids: Ids) -> None:
        # AWS adds a rule to a new group that allows all egress.
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
            if other := [p for p in observed.detail["_egress"] if describe_permissions([p]) != _EVERYTHING]:
                aws.ec2.revoke_security_group_egress(GroupId=observed.id, IpPermissions=other)
            if not observed.state["egress"] >= _EVERYTHING:
                everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
                aws.ec2.authorize_security_group_egress(GroupId=observed.id, IpPermissions=[everything])

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        aws.ec2.delete_security_group(GroupId=observed.id)

    def users(self, snapshot: Snapshot, observed: Observed) -> str:
        return describe_interfaces(snapshot, "group-id", observed.id)


_EVERYTHING = frozenset({"all 0.0.0.0/0"})


def own_groups(snapshot: Snapshot) -> list[str]:
    """The ids of this environment's groups."""
    return [group["GroupId"] for group in snapshot.tagged_with_env("describe_security_groups", "SecurityGroups")]


def rules_of(snapshot: Snapshot, groups: Iterable[str]) -> list[ApiObject]:
    """All rules of these groups, including manually added ones, which have no tags.

    A filter takes up to 200 values: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html
    """
    wanted = sorted(filter(None, groups))
    return [
        rule
        for start in range(0, len(wanted), 200)
        for rule in snapshot.all(
            "ec2",
            "describe_security_group_rules",
            "SecurityGroupRules",
            Filters=[{"Name": "group-id", "Values": wanted[start : start + 200]}],
        )
    ]


def describe_permissions(permissions: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """IP permissions as a plan shows them, one for each source: ``{"tcp 22 203.0.113.0/24"}``."""
    sources = {"IpRanges": "CidrIp", "Ipv6Ranges": "CidrIpv6", "UserIdGroupPairs": "GroupId"}
    sources["PrefixListIds"] = "PrefixListId"
    return frozenset(
        f"{Ports.of(permission).in_plan} {source[name]}"
        for permission in permissions
        for field, name in sources.items()
        for source in permission.get(field) or ()
    )


def _describe_rule(rule: Mapping[str, Any]) -> str:
    """The same for one of EC2's security group rules: ``tcp 22 203.0.113.0/24``."""
    group = rule.get("ReferencedGroupInfo", {}).get("GroupId")
    source = rule.get("CidrIpv4") or rule.get("CidrIpv6") or rule.get("PrefixListId") or group
    return f"{Ports.of(rule).in_plan} {source}"

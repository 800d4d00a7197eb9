"""A security group; its rules are resources of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from ..aws.client import Aws
from ..aws.permissions import to_apply, to_destroy, to_look
from ..aws.snapshot import ApiObject, Snapshot, at_most_one, tags_of
from .base import Ids, Observed, Resource, kind
from .network_interfaces import LINGER, describe_interfaces
from .predictions import Twin
from .tagging import Tagging
from .traffic import Ports
from .vpc import Vpc, in_vpc


@kind
class SecurityGroup(Resource):
    """A security group that allows all egress, and only the ingress of our rules.

    Ingress rules that the stack does not contain are open ports, so none of them stays.  Those that are tagged as
    ours, left by older parameters, are orphans.  All others were added manually: they are ``strangers`` in its state.

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
        """Expect no rule but our own, and all egress."""
        wanted = {name: value for name, value in super().desired(ids).items() if name != "rules"}
        return {**wanted, "strangers": frozenset(), "egress": _EVERYTHING}

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Find the group by its tags, with rules that are not ours and own ones that left the stack."""
        group = snapshot.find("describe_security_groups", "SecurityGroups", self, vpc=ids.get(self.vpc))
        if group is None:
            return None
        rules = [
            rule
            for rule in rules_of(snapshot, groups_around(snapshot, ids.get(self.vpc)))
            if rule["GroupId"] == group["GroupId"] and not rule["IsEgress"]
        ]
        orphans = self._orphans(rules, snapshot.aws)
        expected = {observed.id for observed in orphans.values()}
        strangers = [
            rule
            for rule in rules
            if rule["SecurityGroupRuleId"] not in expected and not self._is_known(self._rule_name(rule, snapshot.aws))
        ]
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
            orphans=orphans,
        )

    def _is_known(self, rule_name: str) -> bool:
        return bool(rule_name) and (self.rules is None or rule_name in self.rules)

    def _orphans(self, rules: Iterable[ApiObject], aws: Aws) -> dict[Resource, Observed]:
        """The rules that are tagged as ours and in no stack; rules that share a name are left out, as copied tags."""
        by_name: dict[str, list[ApiObject]] = {}
        for rule in rules:
            if (name := self._rule_name(rule, aws)) and not self._is_known(name):
                by_name.setdefault(name, []).append(rule)
        return {
            IngressRule(name=name, group=self): _observed_rule(found[0])
            for name, found in sorted(by_name.items())
            if len(found) == 1
        }

    @staticmethod
    def _rule_name(rule: ApiObject, aws: Aws) -> str:
        """The name in the tag of one of our rules; empty for a rule that is not tagged as ours."""
        tags = tags_of(rule)
        kind_of, _, name = tags.get(aws.KEY, "").partition(".")
        return name if tags.get(aws.ENV) == aws.env and kind_of == _RULE else ""

    def twins(self, snapshot: Snapshot, ids: Ids) -> Iterator[Twin]:
        """The group of the VPC with the same name."""
        for group in in_vpc(snapshot, "describe_security_groups", "SecurityGroups", ids.get(self.vpc)):
            if group["GroupName"] == snapshot.aws.name(self):
                yield Twin(group["GroupId"], "name", ours=True)

    def create(self, aws: Aws, ids: Ids) -> None:
        """Create the group; AWS adds the rule that allows all egress."""
        aws.ec2.create_security_group(
            GroupName=aws.name(self),
            Description=self.description,
            VpcId=ids[self.vpc],
            TagSpecifications=aws.tag_spec("security-group", self),
        )

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        """Revoke rules that are not ours, and restore the egress."""
        if "strangers" in drift:
            aws.ec2.revoke_security_group_ingress(
                GroupId=observed.id, SecurityGroupRuleIds=observed.detail["_strangers"]
            )
        if "egress" in drift:
            if other := [p for p in observed.detail["_egress"] if describe_permissions([p]) != _EVERYTHING]:
                aws.ec2.revoke_security_group_egress(GroupId=observed.id, IpPermissions=other)
            if _EVERYTHING.isdisjoint(observed.state["egress"]):
                everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
                aws.ec2.authorize_security_group_egress(GroupId=observed.id, IpPermissions=[everything])

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Delete the group with the rules that others have added: two groups whose rules name each other would stay."""
        if strangers := observed.detail["_strangers"]:
            aws.ec2.revoke_security_group_ingress(GroupId=observed.id, SecurityGroupRuleIds=strangers)
        if paired := [rule for rule in observed.detail["_egress"] if rule.get("UserIdGroupPairs")]:
            aws.ec2.revoke_security_group_egress(GroupId=observed.id, IpPermissions=paired)
        aws.ec2.delete_security_group(GroupId=observed.id)

    def users(self, snapshot: Snapshot, observed: Observed) -> str:
        """Name the network interfaces that use the group."""
        return describe_interfaces(snapshot, "group-id", observed.id)


@kind
class IngressRule(Resource):
    """One of our rules, as far as its name and its group say what it is: enough to find it and to delete it."""

    group: SecurityGroup

    @cached_property
    def key(self) -> str:
        """The rule's key, as its tag says it."""
        return f"{_RULE}.{self.name}"

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Find the rule by its tags."""
        own = {snapshot.aws.ENV: snapshot.aws.env, snapshot.aws.KEY: self.key}
        rules = rules_of(snapshot, groups_around(snapshot, ids.get(self.group.vpc)))
        rule = at_most_one([rule for rule in rules if own.items() <= tags_of(rule).items()], self)
        return _observed_rule(rule) if rule else None

    def create(self, aws: Aws, ids: Ids) -> None:
        """Never called: what to create is in no stack."""
        raise NotImplementedError(f"{self.key} is in no stack")

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Revoke the rule."""
        aws.ec2.revoke_security_group_ingress(GroupId=observed.state["group"], SecurityGroupRuleIds=[observed.id])


_RULE = "security_group_rule"
"""The kind of our rules, in their tags."""
_EVERYTHING = frozenset({"all 0.0.0.0/0"})


def groups_around(snapshot: Snapshot, vpc: str | None) -> list[str]:
    """The ids of the groups of a VPC, which others list as well; where it is not known, of this environment's."""
    operation, result = "describe_security_groups", "SecurityGroups"
    groups = snapshot.inside(operation, result, vpc) if vpc else snapshot.tagged_with_env(operation, result)
    return [group["GroupId"] for group in groups]


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


def _observed_rule(rule: ApiObject) -> Observed:
    """A rule as EC2 describes it; no rule of ours has a prefix list or a network of IPv6 as its source."""
    ports, source = Ports.of(rule), rule.get("CidrIpv4") or _group(rule)
    state = {
        "group": rule["GroupId"],
        # The text shows another protocol or a wider range, which a number would hide.
        "port": ports.low if ports == Ports("tcp", ports.low, ports.low) else ports.in_plan,
        "source": source,
        "description": rule.get("Description", ""),
    }
    note = "" if source else f"Its source is {_source(rule)}."
    tagging = Tagging.of("ec2", rule["SecurityGroupRuleId"], rule)
    return Observed(rule["SecurityGroupRuleId"], state, note=note, tagging=tagging)


def _describe_rule(rule: Mapping[str, Any]) -> str:
    """The same for one of EC2's security group rules: ``tcp 22 203.0.113.0/24``."""
    return f"{Ports.of(rule).in_plan} {_source(rule)}"


def _source(rule: Mapping[str, Any]) -> str | None:
    """What one of EC2's security group rules lets in: a network, a prefix list or a group."""
    return rule.get("CidrIpv4") or rule.get("CidrIpv6") or rule.get("PrefixListId") or _group(rule)


def _group(rule: Mapping[str, Any]) -> str | None:
    group: str | None = rule.get("ReferencedGroupInfo", {}).get("GroupId")
    return group

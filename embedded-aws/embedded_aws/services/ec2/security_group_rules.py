"""Rules of security groups that name another group: described, changed and compared as others are."""

from __future__ import annotations

import copy
from typing import Any

from moto.ec2.models.security_groups import SecurityGroupBackend, SecurityGroupRule

from embedded_aws.patching import Method, patch


def _description(rule: Any) -> str | None:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_SecurityGroupRule.html (description)."""
    found: str | None = rule.ip_range.get("Description") or rule.source_group.get("Description")
    return found


SecurityGroupRule.description = property(_description)


@patch(SecurityGroupRule, "__eq__")
def same(moto: Method, rule: Any, other: Any) -> bool:
    """A description tells no rules apart, neither when one is added nor when one is revoked.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RevokeSecurityGroupIngress.html
    """
    return bool(moto(_without_description(rule), _without_description(other)))


def _without_description(rule: Any) -> Any:
    bare = copy.copy(rule)
    bare.source_group = {field: value for field, value in rule.source_group.items() if field != "Description"}
    return bare


@patch(SecurityGroupBackend, "modify_security_group_rules")
def modify_security_group_rules(moto: Method, ec2: Any, group_id: str, rules: dict[str, dict[str, Any]]) -> None:
    """A rule may be pointed at another group; moto changes its ports only.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_SecurityGroupRuleRequest.html (ReferencedGroupId)
    """
    moto(ec2, group_id, rules)
    group = ec2.get_security_group_by_name_or_id(group_id)
    for rule in [*group.ingress_rules, *group.egress_rules]:
        if "ReferencedGroupId" in rules.get(rule.id, {}):
            _point(rule, rules[rule.id])


def _point(rule: Any, request: dict[str, Any]) -> None:
    rule.ip_range = {}
    rule.source_group = {**rule.source_group, "GroupId": request["ReferencedGroupId"]}
    if request.get("Description") is not None:
        rule.source_group["Description"] = request["Description"]

"""Check which ports are open to the internet."""

from __future__ import annotations

from collections.abc import Mapping

from ...aws.snapshot import ApiObject, Snapshot
from ...resources.base import ObservedState
from ...resources.security_group import rules_of
from ...resources.traffic import INTERNET, Ports
from ...resources.vpc import Vpc
from ..stack import Stack
from .check import Check

_WEB = (Ports("tcp", 80, 80), Ports("tcp", 443, 443))


def reachability(net: Stack) -> tuple[Check, ...]:
    """Checks of a network: all its security groups, including manually created ones."""
    vpc = net.the(Vpc)

    def probe(snapshot: Snapshot, observed_state: ObservedState) -> tuple[bool, dict[str, list[str]]]:
        observed = observed_state[vpc]
        listed = snapshot.inside("describe_security_groups", "SecurityGroups", observed.id) if observed else []
        names = {str(group["GroupId"]): str(group["GroupName"]) for group in listed}
        inbound = [rule for rule in rules_of(snapshot, names) if not rule["IsEgress"]]
        too_open = [rule for rule in inbound if _is_too_open(rule)]
        # What is wrong; or, where nothing is, everything that was looked at.
        findings: dict[str, list[str]] = {} if too_open else {name: [] for name in sorted(map(str, names.values()))}
        for rule in too_open or inbound:
            group = str(rule["GroupId"])
            findings.setdefault(names.get(group) or group, []).append(_describe(rule, names))
        return not too_open, {name: sorted(rules) for name, rules in findings.items()}

    return (Check("No security group opens anything but ports 80 and 443 to the whole internet", probe),)


def _is_too_open(rule: ApiObject) -> bool:
    """Controls EC2.18 and EC2.19 of AWS's Foundational Security Best Practices.

    https://docs.aws.amazon.com/securityhub/latest/userguide/ec2-controls.html
    """
    if not {rule.get("CidrIpv4"), rule.get("CidrIpv6")} & INTERNET.keys():
        return False
    return Ports.of(rule) not in _WEB


def _describe(rule: ApiObject, names: Mapping[str, str]) -> str:
    group = rule.get("ReferencedGroupInfo", {}).get("GroupId", "")
    cidr = rule.get("CidrIpv4") or rule.get("CidrIpv6") or rule.get("PrefixListId")
    return f"{Ports.of(rule).in_plan} from {cidr or names.get(group, group)} ({rule['SecurityGroupRuleId']})"

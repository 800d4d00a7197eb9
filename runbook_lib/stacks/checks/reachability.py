"""Check which ports are open to the internet."""

from __future__ import annotations

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

    def probe(snapshot: Snapshot, observed_state: ObservedState) -> tuple[bool, list[str]]:
        observed = observed_state[vpc]
        filters = [{"Name": "vpc-id", "Values": [observed.id if observed else ""]}]
        listed = snapshot.all("ec2", "describe_security_groups", "SecurityGroups", Filters=filters)
        names = {group["GroupId"]: group["GroupName"] for group in listed}
        rules = [rule for rule in rules_of(snapshot) if rule["GroupId"] in names and _is_too_open(rule)]
        findings = sorted(f"{names[rule['GroupId']]}: {_describe(rule)}" for rule in rules)
        return not findings, findings

    return (Check("From the internet, nothing but ports 80 and 443 is open", probe),)


def _is_too_open(rule: ApiObject) -> bool:
    """Controls EC2.18 and EC2.19 of AWS's Foundational Security Best Practices.

    https://docs.aws.amazon.com/securityhub/latest/userguide/ec2-controls.html
    """
    if rule["IsEgress"] or not {rule.get("CidrIpv4"), rule.get("CidrIpv6")} & INTERNET.keys():
        return False
    return Ports.of(rule) not in _WEB


def _describe(rule: ApiObject) -> str:
    source = rule.get("CidrIpv4") or rule.get("CidrIpv6")
    return f"{Ports.of(rule).in_plan} from {source} ({rule['SecurityGroupRuleId']})"

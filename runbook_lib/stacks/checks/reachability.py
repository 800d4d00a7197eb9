"""Who can be reached from the internet."""

from __future__ import annotations

from ...aws.snapshot import ApiObject, Snapshot
from ...resources.base import ObservedState
from ...resources.security_group import rules_of
from ...resources.vpc import Vpc
from ..stack import Stack
from .check import Check

_WORLD = ("0.0.0.0/0", "::/0")
_WEB = (80, 443)


def reachability(net: Stack) -> tuple[Check, ...]:
    """Claims about a network: of all its security groups, also those that somebody made by hand."""
    vpc = net.the(Vpc)

    def probe(look: Snapshot, seen: ObservedState) -> tuple[bool, list[str]]:
        there = seen[vpc]
        filters = [{"Name": "vpc-id", "Values": [there.id if there else ""]}]
        listed = look.all("ec2", "describe_security_groups", "SecurityGroups", Filters=filters)
        groups = {group["GroupId"]: group for group in listed}
        open_ = [rule for rule in rules_of(look) if rule["GroupId"] in groups and _too_open(rule)]
        found = sorted(f"{groups[rule['GroupId']]['GroupName']}: {_told(rule)}" for rule in open_)
        return not found, found

    return (Check("From the internet, nothing but ports 80 and 443 is open", probe),)


def _too_open(rule: ApiObject) -> bool:
    """Controls EC2.18 and EC2.19 of AWS's Foundational Security Best Practices.

    https://docs.aws.amazon.com/securityhub/latest/userguide/ec2-controls.html
    """
    if rule["IsEgress"] or not {rule.get("CidrIpv4"), rule.get("CidrIpv6")} & set(_WORLD):
        return False
    one_port = rule["IpProtocol"] == "tcp" and rule["FromPort"] == rule["ToPort"]
    return not (one_port and rule["FromPort"] in _WEB)


def _told(rule: ApiObject) -> str:
    ports = "everything" if rule["IpProtocol"] == "-1" else f"{rule['IpProtocol']} {rule['FromPort']}-{rule['ToPort']}"
    return f"{ports} from {rule.get('CidrIpv4') or rule.get('CidrIpv6')} ({rule['SecurityGroupRuleId']})"

"""What EC2 does not take as a security group and its rules; a call that is refused has changed nothing."""

from __future__ import annotations

import re
from ipaddress import IPv4Network
from typing import Any

from moto.core.exceptions import ServiceException
from moto.ec2.responses.security_groups import SecurityGroups

from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError

VALUE = "InvalidParameterValue"
LONGEST = 255
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html
SET = "a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*"
ALLOWED = re.compile(r"[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]*")
# The ports of these go from 0 to 65535; of ICMP they are a type and a code.
PORTS = ("tcp", "6", "udp", "17")
ICMP, ICMPV6 = ("icmp", "1"), ("icmpv6", "58")
SOURCES = ("IpRanges", "Ipv6Ranges", "UserIdGroupPairs", "PrefixListIds")
# How a rule is sent that is none of IpPermissions, and what it is there.
FLAT = {
    "CidrIp": ("IpRanges", "CidrIp"),
    "CidrIpv4": ("IpRanges", "CidrIp"),
    "CidrIpv6": ("Ipv6Ranges", "CidrIpv6"),
    "SourceSecurityGroupName": ("UserIdGroupPairs", "GroupName"),
    "ReferencedGroupId": ("UserIdGroupPairs", "GroupId"),
    "PrefixListId": ("PrefixListIds", "PrefixListId"),
}


@patch(SecurityGroups, "create_security_group")
def create_security_group(moto: Method, response: Any) -> Any:
    """Names and descriptions are short and plain ASCII, and two names are EC2's own.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html
    """
    name, vpc_id = response._get_param("GroupName") or "", response._get_param("VpcId")
    if vpc_id and vpc_id not in response.ec2_backend.vpcs:
        raise ServiceError("InvalidVpcID.NotFound", f"The vpc ID '{vpc_id}' does not exist")
    if name == "default":
        raise ServiceError(VALUE, "Cannot use reserved security group name: default")
    if name.lower().startswith("sg-"):
        why = f"Value ({name}) for parameter GroupName is invalid."
        raise ServiceError(VALUE, f"{why} Group names may not be in the format sg-*.")
    _refuse_text("GroupName", "security group name", name)
    _refuse_text("GroupDescription", "security group description", response._get_param("Description") or "")
    return moto(response)


def _refuse_text(field: str, what: str, text: str) -> None:
    if not text.isascii():
        why = f"Value ({text}) for parameter {field} is invalid."
        raise ServiceError(VALUE, f"{why} Character sets beyond ASCII are not supported.")
    if len(text) > LONGEST or not ALLOWED.fullmatch(text):
        valid = f"Valid {what.split()[-1]}s are strings less than 256 characters from the following set:  {SET}"
        raise ServiceError(VALUE, f"Invalid {what}. {valid}")


@patch(SecurityGroups, "authorize_security_group_ingress")
def authorize_security_group_ingress(moto: Method, response: Any) -> Any:
    """All rules of a call are added, or none.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupIngress.html
    """
    return _authorize(moto, response, "ingress_rules")


@patch(SecurityGroups, "authorize_security_group_egress")
def authorize_security_group_egress(moto: Method, response: Any) -> Any:
    """The same of what goes out.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupEgress.html
    """
    return _authorize(moto, response, "egress_rules")


def _authorize(moto: Method, response: Any, side: str) -> Any:
    named = response._get_param("GroupId") or response._get_param("GroupName")
    group = response.ec2_backend.get_security_group_by_name_or_id(named)
    permissions = response.params.setdefault("IpPermissions", [_permission(response.params)])
    for permission in permissions:
        _refuse_rule(permission)
    before = list(getattr(group, side)) if group else []
    try:
        return moto(response)
    except ServiceException:
        if group:
            getattr(group, side)[:] = before
        raise


@patch(SecurityGroups, "modify_security_group_rules")
def modify_security_group_rules(moto: Method, response: Any) -> Any:
    """A rule is changed into one that could be added.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifySecurityGroupRules.html
    """
    for changed in response._get_param("SecurityGroupRules", []):
        rule = changed.get("SecurityGroupRule") or {}
        referenced = rule.get("ReferencedGroupId")
        if referenced and not response.ec2_backend.get_security_group_from_id(referenced):
            raise ServiceError("InvalidGroup.NotFound", f"The security group '{referenced}' does not exist")
        permission = _permission(rule)
        if any(permission.get(source) for source in SOURCES):  # without one, moto says what is missing
            _refuse_rule(permission)
            rule |= {side: permission[side] for side in ("FromPort", "ToPort") if side in permission}
            if "CidrIpv4" in rule:
                rule["CidrIpv4"] = permission["IpRanges"][0]["CidrIp"]
    return moto(response)


def _permission(rule: dict[str, Any]) -> dict[str, Any]:
    """A rule that is sent in another form, as the one that it means.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_SecurityGroupRuleRequest.html
    """
    permission = {name: rule[name] for name in ("IpProtocol", "FromPort", "ToPort") if rule.get(name) is not None}
    described = {"Description": rule["Description"]} if rule.get("Description") else {}
    for name in FLAT.keys() & {name for name, value in rule.items() if value}:
        source, field = FLAT[name]
        permission[source] = [{field: rule[name], **described}]
    return permission


def _refuse_rule(permission: dict[str, Any]) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html."""
    _refuse_protocol(permission)
    if not any(permission.get(source) for source in SOURCES):
        why = "Missing source specification: include source security group or CIDR information"
        raise ServiceError("MissingParameter", why)
    for range_ in permission.get("IpRanges") or []:
        _canonical(range_)
    _refuse_descriptions(permission)


def _refuse_descriptions(permission: dict[str, Any]) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpRange.html (Description)."""
    for found in [found for source in SOURCES for found in permission.get(source) or []]:
        _refuse_text("description", "rule description", found.get("Description") or "")


def _describes(operation: str) -> None:
    @patch(SecurityGroups, operation)
    def describe(moto: Method, response: Any) -> Any:
        for permission in response._get_param("IpPermissions", []):
            _refuse_descriptions(permission)
        return moto(response)


for _direction in ("ingress", "egress"):
    _describes(f"update_security_group_rule_descriptions_{_direction}")


def _refuse_protocol(permission: dict[str, Any]) -> None:
    protocol = str(permission.get("IpProtocol") or "").lower()
    if not protocol:
        why = "VPC security group rules must specify protocols explicitly."
        raise ServiceError(VALUE, f"Invalid value 'null' for protocol. {why}")
    if protocol in PORTS:
        _refuse_ports(permission.get("FromPort"), permission.get("ToPort"))
    elif protocol in ICMP:
        _refuse_icmp(permission.get("FromPort"), permission.get("ToPort"))
    elif protocol in ICMPV6:
        _refuse_icmp(permission.setdefault("FromPort", -1), permission.setdefault("ToPort", -1))
    elif protocol != "-1" and not (protocol.isdecimal() and int(protocol) <= LONGEST):
        raise ServiceError(VALUE, f"Invalid value '{protocol}' for IP protocol. Unknown protocol.")


def _refuse_ports(first: Any, last: Any) -> None:
    if first is None or last is None:
        raise ServiceError(VALUE, "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.")
    for side, port in (("from", int(first)), ("to", int(last))):
        if not 0 <= port <= 65535:
            raise ServiceError(VALUE, f"TCP/UDP ({side}) port ({port}) out of range")
    if int(first) > int(last):
        raise ServiceError(VALUE, f"Invalid value '{first}-{last}' for portRange. From port is greater than to port.")


def _refuse_icmp(kind: Any, code: Any) -> None:
    """A type and a code are sent in the place of ports, -1 for all; of ICMPv6 they may be left out.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html (FromPort)
    "ICMP code (65535) out of range": https://github.com/hashicorp/terraform/issues/13015
    """
    if kind is None or code is None:
        raise ServiceError(VALUE, "Invalid value 'Must specify both from and to ports with ICMP.' for portRange.")
    for what, number in (("type", int(kind)), ("code", int(code))):
        if not -1 <= number <= LONGEST:
            raise ServiceError(VALUE, f"ICMP {what} ({number}) out of range")


def _canonical(range_: dict[str, Any]) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpRange.html (CidrIp)."""
    cidr = str(range_.get("CidrIp"))
    try:
        range_["CidrIp"] = str(IPv4Network(cidr if "/" in cidr else "", strict=False))
    except ValueError as error:
        raise ServiceError(VALUE, f"CIDR block {cidr} is malformed") from error

"""What EC2 does not take as a security group and its rules; a call that is refused has changed nothing."""

from __future__ import annotations

import re
from ipaddress import IPv4Network
from typing import Any

from moto.core.exceptions import ServiceException
from moto.ec2.responses.security_groups import SecurityGroups

from runbook_lib.local.overlays.around import Method, around
from runbook_lib.local.overlays.refused import Refused

VALUE = "InvalidParameterValue"
LONGEST = 255
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html
SET = "a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*"
ALLOWED = re.compile(r"[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]*")
# The ports of these go from 0 to 65535; of ICMP they are a type and a code.
PORTS = ("tcp", "6", "udp", "17")
NAMED = ("icmp", "icmpv6", "-1")
SOURCES = ("IpRanges", "Ipv6Ranges", "UserIdGroupPairs", "PrefixListIds")


@around(SecurityGroups, "create_security_group")
def create_security_group(moto: Method, response: Any) -> Any:
    """Names and descriptions are short and plain ASCII, and two names are EC2's own.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html
    """
    name, vpc_id = response._get_param("GroupName") or "", response._get_param("VpcId")
    if vpc_id and vpc_id not in response.ec2_backend.vpcs:
        raise Refused("InvalidVpcID.NotFound", f"The vpc ID '{vpc_id}' does not exist")
    if name == "default":
        raise Refused(VALUE, "Cannot use reserved security group name: default")
    if name.lower().startswith("sg-"):
        why = f"Value ({name}) for parameter GroupName is invalid."
        raise Refused(VALUE, f"{why} Group names may not be in the format sg-*.")
    _refuse_text("GroupName", "name", name)
    _refuse_text("GroupDescription", "description", response._get_param("Description") or "")
    return moto(response)


def _refuse_text(field: str, what: str, text: str) -> None:
    if not text.isascii():
        why = f"Value ({text}) for parameter {field} is invalid."
        raise Refused(VALUE, f"{why} Character sets beyond ASCII are not supported.")
    if len(text) > LONGEST or not ALLOWED.fullmatch(text):
        valid = f"Valid {what}s are strings less than 256 characters from the following set:  {SET}"
        raise Refused(VALUE, f"Invalid security group {what}. {valid}")


@around(SecurityGroups, "authorize_security_group_ingress")
def authorize_security_group_ingress(moto: Method, response: Any) -> Any:
    """All rules of a call are added, or none.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupIngress.html
    """
    return _authorize(moto, response, "ingress_rules")


@around(SecurityGroups, "authorize_security_group_egress")
def authorize_security_group_egress(moto: Method, response: Any) -> Any:
    """The same of what goes out.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupEgress.html
    """
    return _authorize(moto, response, "egress_rules")


def _authorize(moto: Method, response: Any, side: str) -> Any:
    named = response._get_param("GroupId") or response._get_param("GroupName")
    group = response.ec2_backend.get_security_group_by_name_or_id(named)
    for permission in response._get_param("IpPermissions", []):
        _refuse_ports(permission)
        if not any(permission.get(source) for source in SOURCES):
            why = "Missing source specification: include source security group or CIDR information"
            raise Refused("MissingParameter", why)
        for range_ in permission.get("IpRanges") or []:
            _canonical(range_)
    before = list(getattr(group, side)) if group else []
    try:
        return moto(response)
    except ServiceException:
        if group:
            getattr(group, side)[:] = before
        raise


def _refuse_ports(permission: dict[str, Any]) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html."""
    protocol = str(permission.get("IpProtocol") or "").lower()
    first, last = permission.get("FromPort"), permission.get("ToPort")
    if protocol in PORTS:
        if first is None or last is None:
            raise Refused(VALUE, "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.")
        for side, port in (("from", int(first)), ("to", int(last))):
            if not 0 <= port <= 65535:
                raise Refused(VALUE, f"TCP/UDP ({side}) port ({port}) out of range")
        if int(first) > int(last):
            raise Refused(VALUE, f"Invalid value '{first}-{last}' for portRange. From port is greater than to port.")
    elif protocol not in NAMED and not (protocol.isdecimal() and int(protocol) <= 255):
        raise Refused(VALUE, f"Invalid value '{protocol}' for IP protocol. Unknown protocol.")


def _canonical(range_: dict[str, Any]) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpRange.html (CidrIp)."""
    try:
        range_["CidrIp"] = str(IPv4Network(range_["CidrIp"], strict=False))
    except (KeyError, ValueError):
        return  # moto says what is wrong with it

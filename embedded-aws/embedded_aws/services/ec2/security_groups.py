"""Validate security groups and their rules; a rejected call changes nothing."""

from __future__ import annotations

import re
from ipaddress import IPv4Network
from typing import Any

from moto.core.exceptions import ServiceException
from moto.ec2.responses.security_groups import SecurityGroups

from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError

INVALID = "InvalidParameterValue"
MAX_LENGTH = 255
MAX_NUMBER = 255  # of protocols, ICMP types and codes
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html
CHARACTERS = "a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*"
ALLOWED = re.compile(r"[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]*")
# Protocols with ports from 0 to 65535; for ICMP the two fields are a type and a code.
PORTS = ("tcp", "6", "udp", "17")
ICMP, ICMPV6 = ("icmp", "1"), ("icmpv6", "58")
PROTOCOLS = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6", "all": "-1"}
DUPLICATE = "InvalidPermission.Duplicate"
PEERS = ("CidrIp", "CidrIpv6", "GroupId", "GroupName", "PrefixListId")
SOURCES = ("IpRanges", "Ipv6Ranges", "UserIdGroupPairs", "PrefixListIds")
# Fields of a rule that is sent without IpPermissions, and their place in IpPermissions.
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
    """Validate name and description; the name `default` and the prefix `sg-` are reserved.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html
    """
    name, vpc_id = response._get_param("GroupName") or "", response._get_param("VpcId")
    if vpc_id and vpc_id not in response.ec2_backend.vpcs:
        raise ServiceError("InvalidVpcID.NotFound", f"The vpc ID '{vpc_id}' does not exist")
    if name == "default":
        raise ServiceError(INVALID, "Cannot use reserved security group name: default")
    if name.lower().startswith("sg-"):
        problem = f"Value ({name}) for parameter GroupName is invalid."
        raise ServiceError(INVALID, f"{problem} Group names may not be in the format sg-*.")
    _validate_text("GroupName", "security group name", name)
    _validate_text("GroupDescription", "security group description", response._get_param("Description") or "")
    return moto(response)


def _validate_text(field: str, subject: str, text: str) -> None:
    if not text.isascii():
        problem = f"Value ({text}) for parameter {field} is invalid."
        raise ServiceError(INVALID, f"{problem} Character sets beyond ASCII are not supported.")
    if len(text) > MAX_LENGTH or not ALLOWED.fullmatch(text):
        rule = (
            f"Valid {subject.split()[-1]}s are strings less than 256 characters from the following set:  {CHARACTERS}"
        )
        raise ServiceError(INVALID, f"Invalid {subject}. {rule}")


@patch(SecurityGroups, "authorize_security_group_ingress")
def authorize_security_group_ingress(moto: Method, response: Any) -> Any:
    """Add all rules of a call, or none.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupIngress.html
    """
    return _authorize(moto, response, "ingress_rules")


@patch(SecurityGroups, "authorize_security_group_egress")
def authorize_security_group_egress(moto: Method, response: Any) -> Any:
    """Add all rules of a call, or none.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupEgress.html
    """
    return _authorize(moto, response, "egress_rules")


def _authorize(moto: Method, response: Any, side: str) -> Any:
    name_or_id = response._get_param("GroupId") or response._get_param("GroupName")
    group = response.ec2_backend.get_security_group_by_name_or_id(name_or_id)
    permissions = response.params.setdefault("IpPermissions", [_to_permission(response.params)])
    for permission in permissions:
        _validate_rule(permission)
    before = list(getattr(group, side)) if group else []
    try:
        return moto(response)
    except ServiceException as error:
        if group:
            getattr(group, side)[:] = before
        if error.code == DUPLICATE:
            raise ServiceError(DUPLICATE, _duplicate_message(permissions, before)) from None
        raise


def _duplicate_message(permissions: list[dict[str, Any]], rules: list[Any]) -> str:
    """Name the first rule of a request that is there already, as EC2 does.

    https://github.com/hashicorp/terraform-provider-aws/issues/4112
    """
    present = {_describe_rule(rule.ip_protocol, rule.from_port, rule.to_port, _peer_of(rule)) for rule in rules}
    for permission in permissions:
        protocol = PROTOCOLS.get(str(permission["IpProtocol"]).lower(), str(permission["IpProtocol"]).lower())
        for source in SOURCES:
            for range_ in permission.get(source) or []:
                peer = next((str(range_[field]) for field in PEERS if range_.get(field)), "")
                text = _describe_rule(protocol, permission.get("FromPort"), permission.get("ToPort"), peer)
                if text in present:
                    return f'the specified rule "{text}" already exists'
                present.add(text)
    return "the specified rule already exists"


def _peer_of(rule: Any) -> str:
    fields = {**rule.ip_range, **rule.source_group, "PrefixListId": rule.prefix_list_id}
    return next((str(fields[field]) for field in PEERS if fields.get(field)), "")


def _describe_rule(protocol: str, first: Any, last: Any, peer: str) -> str:
    if protocol == "-1":
        return f"peer: {peer}, ALL, ALLOW"
    fields = ("type", "code") if protocol in (*ICMP, *ICMPV6) else ("from port", "to port")
    numbers = ["ALL" if int(number) < 0 else int(number) for number in (first, last)]
    return f"peer: {peer}, {protocol.upper()}, {fields[0]}: {numbers[0]}, {fields[1]}: {numbers[1]}, ALLOW"


@patch(SecurityGroups, "modify_security_group_rules")
def modify_security_group_rules(moto: Method, response: Any) -> Any:
    """Validate the changed rule as a new one.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifySecurityGroupRules.html
    """
    for update in response._get_param("SecurityGroupRules", []):
        rule = update.get("SecurityGroupRule") or {}
        referenced = rule.get("ReferencedGroupId")
        if referenced and not response.ec2_backend.get_security_group_from_id(referenced):
            raise ServiceError("InvalidGroup.NotFound", f"The security group '{referenced}' does not exist")
        permission = _to_permission(rule)
        if any(permission.get(source) for source in SOURCES):  # without one, moto raises the error
            _validate_rule(permission)
            rule |= {side: permission[side] for side in ("FromPort", "ToPort") if side in permission}
            if "CidrIpv4" in rule:
                rule["CidrIpv4"] = permission["IpRanges"][0]["CidrIp"]
    return moto(response)


def _to_permission(rule: dict[str, Any]) -> dict[str, Any]:
    """Convert a rule that is sent in flat fields to the form of IpPermissions.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_SecurityGroupRuleRequest.html
    """
    permission = {name: rule[name] for name in ("IpProtocol", "FromPort", "ToPort") if rule.get(name) is not None}
    description = {"Description": rule["Description"]} if rule.get("Description") else {}
    for name in FLAT.keys() & {name for name, value in rule.items() if value}:
        source, field = FLAT[name]
        permission[source] = [{field: rule[name], **description}]
    return permission


def _validate_rule(permission: dict[str, Any]) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html."""
    _validate_protocol(permission)
    if not any(permission.get(source) for source in SOURCES):
        problem = "Missing source specification: include source security group or CIDR information"
        raise ServiceError("MissingParameter", problem)
    for range_ in permission.get("IpRanges") or []:
        _normalize_cidr(range_)
    _validate_descriptions(permission)


def _validate_descriptions(permission: dict[str, Any]) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpRange.html (Description)."""
    for peer in [peer for source in SOURCES for peer in permission.get(source) or []]:
        _validate_text("description", "rule description", peer.get("Description") or "")


def _validate_descriptions_of(operation: str) -> None:
    @patch(SecurityGroups, operation)
    def validate(moto: Method, response: Any) -> Any:
        for permission in response._get_param("IpPermissions", []):
            _validate_descriptions(permission)
        return moto(response)


for _direction in ("ingress", "egress"):
    _validate_descriptions_of(f"update_security_group_rule_descriptions_{_direction}")


def _validate_protocol(permission: dict[str, Any]) -> None:
    protocol = str(permission.get("IpProtocol") or "").lower()
    if not protocol:
        problem = "VPC security group rules must specify protocols explicitly."
        raise ServiceError(INVALID, f"Invalid value 'null' for protocol. {problem}")
    if protocol in PORTS:
        _validate_ports(permission.get("FromPort"), permission.get("ToPort"))
    elif protocol in ICMP:
        _validate_icmp(permission.get("FromPort"), permission.get("ToPort"))
    elif protocol in ICMPV6:
        _validate_icmp(permission.setdefault("FromPort", -1), permission.setdefault("ToPort", -1))
    elif protocol != "-1" and not (protocol.isdecimal() and int(protocol) <= MAX_NUMBER):
        raise ServiceError(INVALID, f"Invalid value '{protocol}' for IP protocol. Unknown protocol.")


def _validate_ports(first: Any, last: Any) -> None:
    if first is None or last is None:
        raise ServiceError(INVALID, "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.")
    for side, port in (("from", int(first)), ("to", int(last))):
        if not 0 <= port <= 65535:
            raise ServiceError(INVALID, f"TCP/UDP ({side}) port ({port}) out of range")
    if int(first) > int(last):
        raise ServiceError(INVALID, f"Invalid value '{first}-{last}' for portRange. From port is greater than to port.")


def _validate_icmp(icmp_type: Any, code: Any) -> None:
    """Validate an ICMP type and code, which are sent in the port fields; -1 means all.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html (FromPort)
    "ICMP code (65535) out of range": https://github.com/hashicorp/terraform/issues/13015
    """
    if icmp_type is None or code is None:
        raise ServiceError(INVALID, "Invalid value 'Must specify both from and to ports with ICMP.' for portRange.")
    for name, number in (("type", int(icmp_type)), ("code", int(code))):
        if not -1 <= number <= MAX_NUMBER:
            raise ServiceError(INVALID, f"ICMP {name} ({number}) out of range")


def _normalize_cidr(range_: dict[str, Any]) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpRange.html (CidrIp)."""
    cidr = str(range_.get("CidrIp"))
    try:
        range_["CidrIp"] = str(IPv4Network(cidr if "/" in cidr else "", strict=False))
    except ValueError as error:
        raise ServiceError(INVALID, f"CIDR block {cidr} is malformed") from error

"""Load balancers: unique names, default attributes, validation and deletion protection."""

from __future__ import annotations

from typing import Any

from moto.elbv2.models import ELBv2Backend, FakeLoadBalancer

from embedded_aws.account import backends
from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError

# https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerAttribute.html
ATTRIBUTES = {
    "access_logs.s3.enabled": "false",
    "access_logs.s3.bucket": "",
    "access_logs.s3.prefix": "",
    "client_keep_alive.seconds": "3600",
    "connection_logs.s3.enabled": "false",
    "connection_logs.s3.bucket": "",
    "connection_logs.s3.prefix": "",
    "deletion_protection.enabled": "false",
    "idle_timeout.timeout_seconds": "60",
    "ipv6.deny_all_igw_traffic": "false",
    "load_balancing.cross_zone.enabled": "true",
    "routing.http.desync_mitigation_mode": "defensive",
    "routing.http.drop_invalid_header_fields.enabled": "false",
    "routing.http.preserve_host_header.enabled": "false",
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "false",
    "routing.http.xff_client_port.enabled": "false",
    "routing.http.xff_header_processing.mode": "append",
    "routing.http2.enabled": "true",
    "waf.fail_open.enabled": "false",
    "zonal_shift.config.enabled": "false",
}

RANGES = {"idle_timeout.timeout_seconds": (1, 4000), "client_keep_alive.seconds": (60, 604800)}

MAX_NAME_LENGTH = 32


@patch(FakeLoadBalancer, "__init__")
def initialize(moto: Method, balancer: Any, *args: Any, **params: Any) -> None:
    """Set the default attributes; make a load balancer internet-facing by default.

    A Gateway Load Balancer has neither a scheme nor a DNS name.
    https://docs.aws.amazon.com/cli/latest/reference/elbv2/create-load-balancer.html (the example)
    """
    moto(balancer, *args, **{**params, "scheme": params.get("scheme") or "internet-facing"})
    if balancer.type == "application":
        balancer.attrs = dict(ATTRIBUTES)
    if balancer.type == "gateway":
        balancer.scheme = balancer.dns_name = None


@patch(ELBv2Backend, "create_load_balancer")
def create_load_balancer(moto: Method, elb: Any, **params: Any) -> Any:
    """Reject a second load balancer of a name; return the existing one for the same request.

    "If you attempt to create multiple load balancers with the same settings, each call succeeds":
    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html
    """
    for balancer in elb.load_balancers.values():
        if balancer.name == params["name"]:
            if _settings_of(balancer) == _requested_settings(params):
                return balancer
            raise ServiceError("DuplicateLoadBalancerName", f"A load balancer with the name '{balancer.name}' exists.")
    _validate_name(params["name"])
    settings = _requested_settings(params)
    if settings["type"] == "application":
        subnet_ids = sorted(settings["subnets"])
        _validate_subnets(elb, subnet_ids, params.get("security_groups") or [], settings["scheme"])
    return moto(elb, **params)


def _validate_name(name: str) -> None:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html (Name)."""
    if len(name) > MAX_NAME_LENGTH:
        problem = f"cannot be longer than '{MAX_NAME_LENGTH}' characters"
    elif not all(character.isascii() and (character.isalnum() or character == "-") for character in name):
        problem = "can only contain characters that are alphanumeric characters and hyphens(-)"
    elif name.startswith("-") or name.endswith("-"):
        problem = "cannot begin or end with a hyphen(-)"
    elif name.startswith("internal-"):
        problem = "cannot begin with 'internal-'"
    else:
        return
    raise ServiceError("ValidationError", f"The load balancer name '{name}' {problem}")


@patch(ELBv2Backend, "set_subnets")
def set_subnets(moto: Method, elb: Any, arn: str, subnets: list[str], mappings: list[dict[str, Any]]) -> Any:
    """Validate the subnets as at the creation.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_SetSubnets.html
    """
    balancer = elb.load_balancers.get(arn)
    if balancer and balancer.type == "application":
        ids = sorted({*subnets, *(mapping["SubnetId"] for mapping in mappings)})
        _validate_subnets(elb, ids, balancer.security_groups, balancer.scheme)
    return moto(elb, arn, subnets, mappings)


@patch(ELBv2Backend, "set_security_groups")
def set_security_groups(moto: Method, elb: Any, arn: str, group_ids: list[str]) -> None:
    """Validate the security groups as at the creation.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_SetSecurityGroups.html
    """
    if balancer := elb.load_balancers.get(arn):
        _validate_vpc(backends.backend("ec2", elb.region_name), balancer.subnets, group_ids)
    moto(elb, arn, group_ids)


def _validate_subnets(elb: Any, subnet_ids: list[str], group_ids: list[str], scheme: str) -> None:
    """Require at least two zones, one subnet in each, one VPC, and an internet gateway for internet-facing ones.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html#subnets-load-balancer
    """
    ec2 = backends.backend("ec2", elb.region_name)
    present = {subnet.id: subnet for zone in ec2.subnets.values() for subnet in zone.values()}
    if missing := [subnet_id for subnet_id in subnet_ids if subnet_id not in present]:
        raise ServiceError("SubnetNotFound", f"The subnet ID '{missing[0]}' does not exist")
    subnets = [present[subnet_id] for subnet_id in subnet_ids]
    _validate_vpc(ec2, subnets, group_ids)
    zones = {subnet.availability_zone for subnet in subnets}
    if len(subnets) < 2:
        raise ServiceError(
            "ValidationError", "At least two subnets in two different Availability Zones must be specified"
        )
    if len(zones) < len(subnets):
        problem = "A load balancer cannot be attached to multiple subnets in the same Availability Zone"
        raise ServiceError("InvalidConfigurationRequest", problem)
    attached = [gateway.vpc.id for gateway in ec2.internet_gateways.values() if gateway.vpc]
    if scheme == "internet-facing" and subnets[0].vpc_id not in attached:
        raise ServiceError("InvalidSubnet", f"VPC {subnets[0].vpc_id} has no internet gateway")


def _validate_vpc(ec2: Any, subnets: list[Any], group_ids: list[str]) -> None:
    """Require that all subnets and security groups are in one VPC.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html (Errors)
    """
    if len({subnet.vpc_id for subnet in subnets}) > 1:
        raise ServiceError(
            "InvalidConfigurationRequest", f"All subnets must belong to the same VPC: '{subnets[0].vpc_id}'"
        )
    groups = [ec2.get_security_group_from_id(group_id) for group_id in group_ids]
    if None in groups:
        missing = group_ids[groups.index(None)]
        raise ServiceError("InvalidSecurityGroup", f"Security group '{missing}' does not exist")
    if any(group.vpc_id != subnet.vpc_id for group in groups for subnet in subnets):
        raise ServiceError("InvalidConfigurationRequest", "One or more security groups are invalid")


def _settings_of(balancer: Any) -> dict[str, Any]:
    return {
        "subnets": {subnet.id for subnet in balancer.subnets},
        "groups": set(balancer.security_groups),
        "scheme": balancer.scheme,
        "type": balancer.type,
    }


def _requested_settings(params: dict[str, Any]) -> dict[str, Any]:
    mapped_ids = [mapping["SubnetId"] for mapping in params.get("subnet_mappings") or []]
    return {
        "subnets": {*(params.get("subnet_ids") or []), *mapped_ids},
        "groups": set(params.get("security_groups") or []),
        "scheme": params.get("scheme") or "internet-facing",
        "type": params.get("loadbalancer_type") or "application",
    }


@patch(ELBv2Backend, "delete_load_balancer")
def delete_load_balancer(moto: Method, elb: Any, arn: str) -> None:
    """Reject the deletion of a protected load balancer; ignore one that does not exist.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeleteLoadBalancer.html
    """
    balancer = elb.load_balancers.get(arn)
    if balancer and balancer.attrs.get("deletion_protection.enabled") == "true":
        problem = f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled"
        raise ServiceError("OperationNotPermitted", problem)
    moto(elb, arn)


@patch(ELBv2Backend, "modify_load_balancer_attributes")
def modify_load_balancer_attributes(moto: Method, elb: Any, arn: str, attributes: dict[str, str]) -> Any:
    """Reject unknown attributes and values out of range; require an existing bucket for logs.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerAttribute.html
    """
    balancer = elb.load_balancers.get(arn)
    if balancer and balancer.type == "application":
        for key, value in attributes.items():
            _validate_attribute(key, value)
        after = {**balancer.attrs, **attributes}
        if after["access_logs.s3.enabled"] == "true":
            _validate_bucket(after["access_logs.s3.bucket"])
    return moto(elb, arn, attributes)


def _validate_attribute(key: str, value: str) -> None:
    if key not in ATTRIBUTES:
        raise ServiceError("ValidationError", f"Load balancer attribute key '{key}' is not recognized")
    minimum, maximum = RANGES.get(key, (0, 0))
    if maximum and not (value.isdecimal() and minimum <= int(value) <= maximum):
        limits = f"must be between '{minimum}-{maximum}' inclusive"
        raise ServiceError("ValidationError", f"'{key}' value '{value}' {limits}")
    if ATTRIBUTES[key] in ("true", "false") and value not in ("true", "false"):
        raise ServiceError("ValidationError", f"'{key}' value '{value}' must be 'true' or 'false'")


def _validate_bucket(name: str) -> None:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html."""
    if not name:
        raise ServiceError("InvalidConfigurationRequest", "The access logs S3 bucket must be specified")
    if name not in backends.backend("s3").buckets:
        raise ServiceError("InvalidConfigurationRequest", f"S3Bucket: {name} does not exist")

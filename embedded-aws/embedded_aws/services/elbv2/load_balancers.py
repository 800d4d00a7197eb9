"""Load balancers: made once per name, read back whole, and kept by their deletion protection."""

from __future__ import annotations

from typing import Any

from moto.elbv2.models import ELBv2Backend, FakeLoadBalancer

from embedded_aws.account import backends as world
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

LONGEST_NAME = 32


@patch(FakeLoadBalancer, "__init__")
def made(moto: Method, balancer: Any, *args: Any, **sent: Any) -> None:
    """Every attribute has a value from the start, and a balancer faces the internet unless asked otherwise."""
    moto(balancer, *args, **{**sent, "scheme": sent.get("scheme") or "internet-facing"})
    if balancer.type == "application":
        balancer.attrs = dict(ATTRIBUTES)


@patch(ELBv2Backend, "create_load_balancer")
def create_load_balancer(moto: Method, elb: Any, **sent: Any) -> Any:
    """A name is taken once; the same request again is the same load balancer.

    "If you attempt to create multiple load balancers with the same settings, each call succeeds":
    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html
    """
    for balancer in elb.load_balancers.values():
        if balancer.name == sent["name"]:
            if _settings(balancer) == _asked(sent):
                return balancer
            raise ServiceError("DuplicateLoadBalancerName", f"A load balancer with the name '{balancer.name}' exists.")
    _refuse_name(sent["name"])
    asked = _asked(sent)
    if asked["type"] == "application":
        _refuse_subnets(elb, sorted(asked["subnets"]), sent.get("security_groups") or [], asked["scheme"])
    return moto(elb, **sent)


def _refuse_name(name: str) -> None:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html (Name)."""
    if len(name) > LONGEST_NAME:
        why = f"cannot be longer than '{LONGEST_NAME}' characters"
    elif not all(character.isascii() and (character.isalnum() or character == "-") for character in name):
        why = "can only contain characters that are alphanumeric characters and hyphens(-)"
    elif name.startswith("-") or name.endswith("-"):
        why = "cannot begin or end with a hyphen(-)"
    elif name.startswith("internal-"):
        why = "cannot begin with 'internal-'"
    else:
        return
    raise ServiceError("ValidationError", f"The load balancer name '{name}' {why}")


@patch(ELBv2Backend, "set_subnets")
def set_subnets(moto: Method, elb: Any, arn: str, subnets: list[str], mappings: list[dict[str, Any]]) -> Any:
    """As at the creation.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_SetSubnets.html
    """
    balancer = elb.load_balancers.get(arn)
    if balancer and balancer.type == "application":
        ids = sorted({*subnets, *(mapping["SubnetId"] for mapping in mappings)})
        _refuse_subnets(elb, ids, balancer.security_groups, balancer.scheme)
    return moto(elb, arn, subnets, mappings)


@patch(ELBv2Backend, "set_security_groups")
def set_security_groups(moto: Method, elb: Any, arn: str, group_ids: list[str]) -> None:
    """As at the creation.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_SetSecurityGroups.html
    """
    if balancer := elb.load_balancers.get(arn):
        _refuse_mixture(world.backend("ec2", elb.region_name), balancer.subnets, group_ids)
    moto(elb, arn, group_ids)


def _refuse_subnets(elb: Any, asked: list[str], group_ids: list[str], scheme: str) -> None:
    """Two zones at least, one subnet in each, all of one VPC, and a way to the internet for who faces it.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html#subnets-load-balancer
    """
    ec2 = world.backend("ec2", elb.region_name)
    present = {subnet.id: subnet for zone in ec2.subnets.values() for subnet in zone.values()}
    if missing := [subnet_id for subnet_id in asked if subnet_id not in present]:
        raise ServiceError("SubnetNotFound", f"The subnet ID '{missing[0]}' does not exist")
    subnets = [present[subnet_id] for subnet_id in asked]
    _refuse_mixture(ec2, subnets, group_ids)
    zones = {subnet.availability_zone for subnet in subnets}
    if len(subnets) < 2:
        raise ServiceError(
            "ValidationError", "At least two subnets in two different Availability Zones must be specified"
        )
    if len(zones) < len(subnets):
        why = "A load balancer cannot be attached to multiple subnets in the same Availability Zone"
        raise ServiceError("InvalidConfigurationRequest", why)
    attached = [gateway.vpc.id for gateway in ec2.internet_gateways.values() if gateway.vpc]
    if scheme == "internet-facing" and subnets[0].vpc_id not in attached:
        raise ServiceError("InvalidSubnet", f"VPC {subnets[0].vpc_id} has no internet gateway")


def _refuse_mixture(ec2: Any, subnets: list[Any], group_ids: list[str]) -> None:
    """All that a load balancer stands on is in one VPC.

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


def _settings(balancer: Any) -> dict[str, Any]:
    return {
        "subnets": {subnet.id for subnet in balancer.subnets},
        "groups": set(balancer.security_groups),
        "scheme": balancer.scheme,
        "type": balancer.type,
    }


def _asked(sent: dict[str, Any]) -> dict[str, Any]:
    mapped = [mapping["SubnetId"] for mapping in sent.get("subnet_mappings") or []]
    return {
        "subnets": {*(sent.get("subnet_ids") or []), *mapped},
        "groups": set(sent.get("security_groups") or []),
        "scheme": sent.get("scheme") or "internet-facing",
        "type": sent.get("loadbalancer_type") or "application",
    }


@patch(ELBv2Backend, "delete_load_balancer")
def delete_load_balancer(moto: Method, elb: Any, arn: str) -> None:
    """Not while it is protected; one that does not exist is no error.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeleteLoadBalancer.html
    """
    balancer = elb.load_balancers.get(arn)
    if balancer and balancer.attrs.get("deletion_protection.enabled") == "true":
        why = f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled"
        raise ServiceError("OperationNotPermitted", why)
    moto(elb, arn)


@patch(ELBv2Backend, "modify_load_balancer_attributes")
def modify_load_balancer_attributes(moto: Method, elb: Any, arn: str, attributes: dict[str, str]) -> Any:
    """An attribute is one of those that there are, in its range; logs go to a bucket that exists.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerAttribute.html
    """
    balancer = elb.load_balancers.get(arn)
    if balancer and balancer.type == "application":
        for key, value in attributes.items():
            _refuse_attribute(key, value)
        after = {**balancer.attrs, **attributes}
        if after["access_logs.s3.enabled"] == "true":
            _refuse_bucket(after["access_logs.s3.bucket"])
    return moto(elb, arn, attributes)


def _refuse_attribute(key: str, value: str) -> None:
    if key not in ATTRIBUTES:
        raise ServiceError("ValidationError", f"Load balancer attribute key '{key}' is not recognized")
    least, most = RANGES.get(key, (0, 0))
    if most and not (value.isdecimal() and least <= int(value) <= most):
        raise ServiceError("ValidationError", f"'{key}' value '{value}' must be between '{least}-{most}' inclusive")
    if ATTRIBUTES[key] in ("true", "false") and value not in ("true", "false"):
        raise ServiceError("ValidationError", f"'{key}' value '{value}' must be 'true' or 'false'")


def _refuse_bucket(name: str) -> None:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html."""
    if not name:
        raise ServiceError("InvalidConfigurationRequest", "The access logs S3 bucket must be specified")
    if name not in world.backend("s3").buckets:
        raise ServiceError("InvalidConfigurationRequest", f"S3Bucket: {name} does not exist")

"""Target groups: idempotent creation, valid health checks and targets, default attributes."""

from __future__ import annotations

import re
from typing import Any

from moto.elbv2.models import ELBv2Backend, FakeTargetGroup
from moto.elbv2.responses import ELBV2Response

from embedded_aws.account import backends
from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError

# Attributes of a group of instances or addresses behind an Application Load Balancer:
# https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetGroupAttribute.html
ATTRIBUTES = {
    "deregistration_delay.timeout_seconds": "300",
    "load_balancing.algorithm.anomaly_mitigation": "off",
    "load_balancing.algorithm.type": "round_robin",
    "load_balancing.cross_zone.enabled": "use_load_balancer_configuration",
    "slow_start.duration_seconds": "0",
    "stickiness.app_cookie.cookie_name": "",
    "stickiness.app_cookie.duration_seconds": "86400",
    "stickiness.enabled": "false",
    "stickiness.lb_cookie.duration_seconds": "86400",
    "stickiness.type": "lb_cookie",
    "target_group_health.dns_failover.minimum_healthy_targets.count": "1",
    "target_group_health.dns_failover.minimum_healthy_targets.percentage": "off",
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": "1",
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": "off",
}
WEB = ("HTTP", "HTTPS")
VALID_CODES = range(200, 500)


@patch(FakeTargetGroup, "__init__")
def initialize(moto: Method, group: Any, *args: Any, **params: Any) -> None:
    """Set the default attributes."""
    moto(group, *args, **params)
    if group.protocol in WEB:
        group.attributes = dict(ATTRIBUTES)


@patch(ELBv2Backend, "create_target_group")
def create_target_group(moto: Method, elb: Any, name: str, **params: Any) -> Any:
    """Return the existing target group for the same request.

    "If you attempt to create multiple target groups with the same settings, each call succeeds":
    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html
    """
    request = {key: value for key, value in params.items() if key != "tags" and value is not None}
    for group in elb.target_groups.values():
        if group.name == name and vars(group).get("creation_request") == request:
            return group
    codes = (params.get("matcher") or {}).get("HttpCode")
    _validate_health_check(params.get("protocol"), params.get("healthcheck_path"), codes)
    group = moto(elb, name, **params)
    group.creation_request = request
    return group


@patch(ELBV2Response, "modify_target_group")
def modify_target_group(moto: Method, response: Any) -> Any:
    """Validate the health check as it is after the change.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ModifyTargetGroup.html
    """
    params, group = response.params, response.elbv2_backend.target_groups.get(response.params["TargetGroupArn"])
    if group:
        codes = (params.get("Matcher") or {}).get("HttpCode")
        _validate_health_check(group.protocol, params.get("HealthCheckPath"), codes)
        interval = params.get("HealthCheckIntervalSeconds") or group.health_check_interval_seconds
        timeout = params.get("HealthCheckTimeoutSeconds") or group.health_check_timeout_seconds
        if int(timeout) > int(interval):
            limits = f"must be smaller than or equal to the interval '{interval}'"
            raise ServiceError("ValidationError", f"Health check timeout '{timeout}' {limits}")
    return moto(response)


def _validate_health_check(protocol: str | None, path: str | None, codes: str | None) -> None:
    """Validate path and success codes of a health check.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Matcher.html (HttpCode)
    """
    if protocol not in WEB:
        return
    if path and not path.startswith("/"):
        raise ServiceError("ValidationError", f"Health check path '{path}' must begin with a '/' character")
    for code in re.split("[,-]", codes) if codes else []:
        if not code.strip().isdecimal() or int(code) not in VALID_CODES:
            limits = f"must be within '{VALID_CODES[0]}-{VALID_CODES[-1]}' inclusive"
            raise ServiceError("ValidationError", f"Health check matcher HTTP code '{code}' {limits}")


@patch(ELBv2Backend, "modify_target_group_attributes")
def modify_target_group_attributes(moto: Method, elb: Any, arn: str, attributes: dict[str, Any]) -> None:
    """Reject an unknown attribute.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ModifyTargetGroupAttributes.html
    """
    group = elb.target_groups.get(arn)
    unknown = [name for name in attributes if group and group.protocol in WEB and name not in ATTRIBUTES]
    if unknown:
        raise ServiceError("ValidationError", f"Target group attribute key '{unknown[0]}' is not recognized")
    moto(elb, arn, attributes)


@patch(ELBV2Response, "register_targets")
def register_targets(moto: Method, response: Any) -> Any:
    """Require that each instance exists, runs, and is in the VPC of the target group.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RegisterTargets.html
    """
    elb, params = response.elbv2_backend, response.params
    group = elb.target_groups.get(params["TargetGroupArn"])
    if group and group.target_type == "instance":
        _validate_instances(elb.region_name, group.vpc_id, [target["Id"] for target in params["Targets"]])
    return moto(response)


def _validate_instances(region: str, vpc_id: str, ids: list[str]) -> None:
    ec2 = backends.backend("ec2", region)
    if invalid := [name for name in ids if not name.startswith("i-")]:
        raise ServiceError("ValidationError", f"Instance ID '{invalid[0]}' is not valid")
    instances = {name: ec2.get_instance_by_id(name) for name in ids}
    if missing := [name for name, instance in instances.items() if instance is None]:
        raise ServiceError("InvalidTarget", f"The following instances do not exist: {_quote(missing)}")
    if other_vpc := [name for name, instance in instances.items() if instance.vpc_id != vpc_id]:
        message = f"The following targets are not in the target group VPC '{vpc_id}': {_quote(other_vpc)}"
        raise ServiceError("InvalidTarget", message)
    if not_running := [name for name, instance in instances.items() if instance.state != "running"]:
        message = f"The following targets are not in a running state and cannot be registered: {_quote(not_running)}"
        raise ServiceError("InvalidTarget", message)


def _quote(names: list[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)

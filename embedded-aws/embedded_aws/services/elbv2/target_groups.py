"""Target groups: made once per name, with health checks that can be made, and read back with every attribute."""

from __future__ import annotations

import re
from typing import Any

from moto.elbv2.models import ELBv2Backend, FakeTargetGroup
from moto.elbv2.responses import ELBV2Response

from embedded_aws.account import backends as world
from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError

# Of a group of instances or addresses behind an Application Load Balancer:
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
HEALTHY = range(200, 500)


@patch(FakeTargetGroup, "__init__")
def made(moto: Method, group: Any, *args: Any, **sent: Any) -> None:
    """Every attribute has a value from the start."""
    moto(group, *args, **sent)
    if group.protocol in WEB:
        group.attributes = dict(ATTRIBUTES)


@patch(ELBv2Backend, "create_target_group")
def create_target_group(moto: Method, elb: Any, name: str, **sent: Any) -> Any:
    """The same request again is the same target group.

    "If you attempt to create multiple target groups with the same settings, each call succeeds":
    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html
    """
    asked = {key: value for key, value in sent.items() if key != "tags" and value is not None}
    for group in elb.target_groups.values():
        if group.name == name and vars(group).get("asked") == asked:
            return group
    _refuse_check(sent.get("protocol"), sent.get("healthcheck_path"), (sent.get("matcher") or {}).get("HttpCode"))
    group = moto(elb, name, **sent)
    group.asked = asked
    return group


@patch(ELBV2Response, "modify_target_group")
def modify_target_group(moto: Method, response: Any) -> Any:
    """As at its creation, of what the health check is afterwards.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ModifyTargetGroup.html
    """
    sent, group = response.params, response.elbv2_backend.target_groups.get(response.params["TargetGroupArn"])
    if group:
        codes = (sent.get("Matcher") or {}).get("HttpCode")
        _refuse_check(group.protocol, sent.get("HealthCheckPath"), codes)
        interval = sent.get("HealthCheckIntervalSeconds") or group.health_check_interval_seconds
        timeout = sent.get("HealthCheckTimeoutSeconds") or group.health_check_timeout_seconds
        if int(timeout) > int(interval):
            limits = f"must be smaller than or equal to the interval '{interval}'"
            raise ServiceError("ValidationError", f"Health check timeout '{timeout}' {limits}")
    return moto(response)


def _refuse_check(protocol: str | None, path: str | None, codes: str | None) -> None:
    """What a load balancer asks for, and which answers it may take for healthy.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Matcher.html (HttpCode)
    """
    if protocol not in WEB:
        return
    if path and not path.startswith("/"):
        raise ServiceError("ValidationError", f"Health check path '{path}' must begin with a '/' character")
    for code in re.split("[,-]", codes) if codes else []:
        if not code.strip().isdecimal() or int(code) not in HEALTHY:
            limits = f"must be within '{HEALTHY[0]}-{HEALTHY[-1]}' inclusive"
            raise ServiceError("ValidationError", f"Health check matcher HTTP code '{code}' {limits}")


@patch(ELBv2Backend, "modify_target_group_attributes")
def modify_target_group_attributes(moto: Method, elb: Any, arn: str, attributes: dict[str, Any]) -> None:
    """An attribute is one of those that there are.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ModifyTargetGroupAttributes.html
    """
    group = elb.target_groups.get(arn)
    unknown = [name for name in attributes if group and group.protocol in WEB and name not in ATTRIBUTES]
    if unknown:
        raise ServiceError("ValidationError", f"Target group attribute key '{unknown[0]}' is not recognized")
    moto(elb, arn, attributes)


@patch(ELBV2Response, "register_targets")
def register_targets(moto: Method, response: Any) -> Any:
    """An instance exists, runs, and is in the VPC of the target group.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RegisterTargets.html
    """
    elb, sent = response.elbv2_backend, response.params
    group = elb.target_groups.get(sent["TargetGroupArn"])
    if group and group.target_type == "instance":
        _refuse_instances(elb.region_name, group.vpc_id, [target["Id"] for target in sent["Targets"]])
    return moto(response)


def _refuse_instances(region: str, vpc_id: str, ids: list[str]) -> None:
    ec2 = world.backend("ec2", region)
    if wrong := [name for name in ids if not name.startswith("i-")]:
        raise ServiceError("ValidationError", f"Instance ID '{wrong[0]}' is not valid")
    found = {name: ec2.get_instance_by_id(name) for name in ids}
    if missing := [name for name, instance in found.items() if instance is None]:
        raise ServiceError("InvalidTarget", f"The following instances do not exist: {_listed(missing)}")
    if elsewhere := [name for name, instance in found.items() if instance.vpc_id != vpc_id]:
        why = f"The following targets are not in the target group VPC '{vpc_id}': {_listed(elsewhere)}"
        raise ServiceError("InvalidTarget", why)
    if resting := [name for name, instance in found.items() if instance.state != "running"]:
        why = f"The following targets are not in a running state and cannot be registered: {_listed(resting)}"
        raise ServiceError("InvalidTarget", why)


def _listed(names: list[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)

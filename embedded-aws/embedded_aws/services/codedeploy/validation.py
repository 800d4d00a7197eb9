"""Validation of requests: each field has its own error code, whatever the operation.

The codes of each operation: https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from embedded_aws.service_error import ServiceError
from embedded_aws.services.codedeploy.model import Fields

# https://docs.aws.amazon.com/codedeploy/latest/userguide/limits.html
NAME = re.compile(r"[A-Za-z0-9+=,.@_-]{1,100}")
DEPLOYMENT = re.compile(r"d-[A-Z0-9]{9}")
ARN = re.compile(r"arn:[^:]+:codedeploy:[^:]+:[0-9]{12}:(?:application|deploymentgroup|deploymentconfig|instance):.+")
MAX_ALARMS = 10
# https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_S3Location.html
BUNDLES = ("tar", "tgz", "zip", "YAML", "JSON")
LOCATIONS = {"S3": "s3Location", "GitHub": "gitHubLocation", "String": "string", "AppSpecContent": "appSpecContent"}
REQUIRED_FIELDS = {"s3Location": ("bucket", "key"), "gitHubLocation": ("repository", "commitId")}
STYLE_VALUES = {
    "deploymentType": ("IN_PLACE", "BLUE_GREEN"),
    "deploymentOption": ("WITH_TRAFFIC_CONTROL", "WITHOUT_TRAFFIC_CONTROL"),
}
EVENTS = ("DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST")
BALANCERS = ("elbInfoList", "targetGroupInfoList", "targetGroupPairInfoList")

Rule = Callable[[Any], None]


def validate_fields(params: Fields) -> None:
    """Raise the error of the first invalid field, before anything is looked up."""
    for field, rule in RULES.items():
        if params.get(field) is not None:
            rule(params[field])


def _matching(pattern: re.Pattern[str], code: str, what: str) -> Rule:
    def rule(value: Any) -> None:
        if not pattern.fullmatch(value):
            raise ServiceError(code, f"{what} is specified in an invalid format: {value}")

    return rule


def _one_of(values: tuple[str, ...], code: str, what: str) -> Rule:
    def rule(value: Any) -> None:
        if value not in values:
            raise ServiceError(code, f"{what} is not one of {', '.join(values)}: {value}")

    return rule


def _each(rule: Rule) -> Rule:
    def of_all(values: Any) -> None:
        for value in values:
            rule(value)

    return of_all


def _validate_revision(revision: Fields) -> None:
    """Require exactly one location, with all fields that are needed to load a bundle from it.

    https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_RevisionLocation.html
    """
    kind, locations = revision.get("revisionType"), [place for place in LOCATIONS.values() if revision.get(place)]
    if kind is not None and (kind not in LOCATIONS or locations != [LOCATIONS[kind]]):
        raise _invalid_revision(f"A revision of type {kind} must have its own location, and no other")
    if len(locations) != 1:
        raise _invalid_revision("A revision must have exactly one location")
    location = revision[locations[0]]
    for required in REQUIRED_FIELDS.get(locations[0], ()):
        if not location.get(required):
            raise _invalid_revision(f"{required} must be specified in {locations[0]}")
    if locations == ["s3Location"] and location.get("bundleType") not in BUNDLES:
        raise _invalid_revision(f"bundleType must be one of {', '.join(BUNDLES)}")


def _invalid_revision(reason: str) -> ServiceError:
    return ServiceError("InvalidRevisionException", f"{reason}.")


def _validate_healthy_hosts(hosts: Fields) -> None:
    """https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_MinimumHealthyHosts.html."""
    kind, value = hosts.get("type"), hosts.get("value", -1)
    if kind not in ("HOST_COUNT", "FLEET_PERCENT") or value < 0 or (kind == "FLEET_PERCENT" and value > 100):
        reason = f"The minimum healthy hosts are neither a count of hosts nor a percentage of the fleet: {kind} {value}"
        raise ServiceError("InvalidMinimumHealthyHostValueException", reason)


def _validate_rollback(config: Fields) -> None:
    """ "Automatic rollback is enabled, but an invalid triggering event type or no event types were listed".

    https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_CreateDeploymentGroup.html (Errors)
    """
    events = config.get("events") or []
    if (config.get("enabled") and not events) or not set(events) <= set(EVENTS):
        reason = f"Automatic rollback needs at least one of these events, and no other: {', '.join(EVENTS)}"
        raise ServiceError("InvalidAutoRollbackConfigException", reason)


def _validate_alarms(config: Fields) -> None:
    """Require, if enabled, at least one and at most ten alarms with unique names.

    https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_CreateDeploymentGroup.html (Errors)
    """
    names = [alarm.get("name") for alarm in config.get("alarms") or []]
    if (config.get("enabled") and not names) or not all(names) or len(set(names)) < len(names):
        reason = (
            "The alarm configuration is enabled and its list of alarms is empty, or an alarm has no name or comes twice"
        )
        raise ServiceError("InvalidAlarmConfigException", reason)
    if any(len(name) > 255 for name in names):
        raise ServiceError("InvalidAlarmConfigException", "An alarm's name is longer than 255 characters")
    if len(names) > MAX_ALARMS:
        reason = f"The maximum number of alarms for a deployment group ({MAX_ALARMS}) was exceeded."
        raise ServiceError("AlarmsLimitExceededException", reason)


def _validate_style(style: Fields) -> None:
    for field, values in STYLE_VALUES.items():
        if style.get(field) is not None:
            _one_of(values, "InvalidDeploymentStyleException", field)(style[field])


# In the order of validation.
RULES: dict[str, Rule] = {
    **dict.fromkeys(
        ("applicationName", "newApplicationName"),
        _matching(NAME, "InvalidApplicationNameException", "The application name"),
    ),
    **dict.fromkeys(
        ("deploymentGroupName", "currentDeploymentGroupName", "newDeploymentGroupName"),
        _matching(NAME, "InvalidDeploymentGroupNameException", "The deployment group name"),
    ),
    "deploymentConfigName": _matching(
        NAME, "InvalidDeploymentConfigNameException", "The deployment configuration name"
    ),
    "deploymentId": _matching(DEPLOYMENT, "InvalidDeploymentIdException", "The deployment ID"),
    "deploymentIds": _each(_matching(DEPLOYMENT, "InvalidDeploymentIdException", "The deployment ID")),
    "ResourceArn": _matching(ARN, "InvalidArnException", "The ARN"),
    "nextToken": _matching(re.compile("[0-9]+"), "InvalidNextTokenException", "The next token"),
    "computePlatform": _one_of(("Server", "Lambda", "ECS"), "InvalidComputePlatformException", "The compute platform"),
    "revision": _validate_revision,
    "revisions": _each(_validate_revision),
    "fileExistsBehavior": _one_of(
        ("DISALLOW", "OVERWRITE", "RETAIN"), "InvalidFileExistsBehaviorException", "fileExistsBehavior"
    ),
    "minimumHealthyHosts": _validate_healthy_hosts,
    "deploymentStyle": _validate_style,
    "autoRollbackConfiguration": _validate_rollback,
    "alarmConfiguration": _validate_alarms,
    "overrideAlarmConfiguration": _validate_alarms,
}


def validate_config_name(name: str) -> None:
    """Refuse the prefix of predefined configurations.

    https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-configurations.html
    """
    if name.startswith("CodeDeployDefault."):
        reason = f"The deployment configuration name begins with a reserved prefix: {name}"
        raise ServiceError("InvalidDeploymentConfigNameException", reason)


def validate_group(group: Fields) -> None:
    """Validate the combination of fields of a deployment group, as it is after the change.

    https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_CreateDeploymentGroup.html (Errors)
    """
    balancers = [one for kind in BALANCERS for one in (group.get("loadBalancerInfo") or {}).get(kind) or []]
    controlled = (group.get("deploymentStyle") or {}).get("deploymentOption") == "WITH_TRAFFIC_CONTROL"
    if controlled and not balancers:
        option = "The deploymentOption value is set to WITH_TRAFFIC_CONTROL"
        but = "but either no load balancer was specified in elbInfoList or no target group in targetGroupInfoList"
        reason = f"The specification for load balancing in the deployment group is invalid. {option}, {but}."
        raise ServiceError("InvalidLoadBalancerInfoException", reason)
    if group.get("ec2TagFilters") and (group.get("ec2TagSet") or {}).get("ec2TagSetList"):
        reason = "Only one of ec2TagFilters and ec2TagSet can be used."
        raise ServiceError("InvalidEC2TagCombinationException", reason)

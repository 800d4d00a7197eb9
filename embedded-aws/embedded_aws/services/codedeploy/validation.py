"""What CodeDeploy does not take: each field has a code of its own, whatever the operation.

The codes, and which operation has which: https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_Operations.html
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
MOST_ALARMS = 10
# https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_S3Location.html
BUNDLES = ("tar", "tgz", "zip", "YAML", "JSON")
PLACES = {"S3": "s3Location", "GitHub": "gitHubLocation", "String": "string", "AppSpecContent": "appSpecContent"}
NEEDED = {"s3Location": ("bucket", "key"), "gitHubLocation": ("repository", "commitId")}
STYLES = {
    "deploymentType": ("IN_PLACE", "BLUE_GREEN"),
    "deploymentOption": ("WITH_TRAFFIC_CONTROL", "WITHOUT_TRAFFIC_CONTROL"),
}
EVENTS = ("DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST")
BALANCERS = ("elbInfoList", "targetGroupInfoList", "targetGroupPairInfoList")

Rule = Callable[[Any], None]


def refuse_fields(sent: Fields) -> None:
    """Refuse a request for the first of its fields that is wrong, before anything is looked up."""
    for field, rule in RULES.items():
        if sent.get(field) is not None:
            rule(sent[field])


def _matches(pattern: re.Pattern[str], code: str, what: str) -> Rule:
    def rule(value: Any) -> None:
        if not pattern.fullmatch(value):
            raise ServiceError(code, f"{what} is specified in an invalid format: {value}")

    return rule


def _among(values: tuple[str, ...], code: str, what: str) -> Rule:
    def rule(value: Any) -> None:
        if value not in values:
            raise ServiceError(code, f"{what} is not one of {', '.join(values)}: {value}")

    return rule


def _each(rule: Rule) -> Rule:
    def of_all(values: Any) -> None:
        for value in values:
            rule(value)

    return of_all


def _revision(revision: Fields) -> None:
    """A revision is at one place, which is told as far as a bundle can be found there.

    https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_RevisionLocation.html
    """
    kind, there = revision.get("revisionType"), [place for place in PLACES.values() if revision.get(place)]
    if kind is not None and (kind not in PLACES or there != [PLACES[kind]]):
        raise _invalid(f"A revision of type {kind} must have its own location, and no other")
    if len(there) != 1:
        raise _invalid("A revision must have exactly one location")
    location = revision[there[0]]
    for needed in NEEDED.get(there[0], ()):
        if not location.get(needed):
            raise _invalid(f"{needed} must be specified in {there[0]}")
    if there == ["s3Location"] and location.get("bundleType") not in BUNDLES:
        raise _invalid(f"bundleType must be one of {', '.join(BUNDLES)}")


def _invalid(why: str) -> ServiceError:
    return ServiceError("InvalidRevisionException", f"{why}.")


def _healthy_hosts(hosts: Fields) -> None:
    """https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_MinimumHealthyHosts.html."""
    kind, value = hosts.get("type"), hosts.get("value", -1)
    if kind not in ("HOST_COUNT", "FLEET_PERCENT") or value < 0 or (kind == "FLEET_PERCENT" and value > 100):
        why = f"The minimum healthy hosts are neither a count of hosts nor a percentage of the fleet: {kind} {value}"
        raise ServiceError("InvalidMinimumHealthyHostValueException", why)


def _rollback(config: Fields) -> None:
    """ "Automatic rollback is enabled, but an invalid triggering event type or no event types were listed."

    https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_CreateDeploymentGroup.html (Errors)
    """
    events = config.get("events") or []
    if (config.get("enabled") and not events) or not set(events) <= set(EVENTS):
        why = f"Automatic rollback needs at least one of these events, and no other: {', '.join(EVENTS)}"
        raise ServiceError("InvalidAutoRollbackConfigException", why)


def _alarms(config: Fields) -> None:
    """Enabled means that there are alarms, each with a name and only once, and ten of them at most.

    https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_CreateDeploymentGroup.html (Errors)
    """
    names = [alarm.get("name") for alarm in config.get("alarms") or []]
    if (config.get("enabled") and not names) or not all(names) or len(set(names)) < len(names):
        why = (
            "The alarm configuration is enabled and its list of alarms is empty, or an alarm has no name or comes twice"
        )
        raise ServiceError("InvalidAlarmConfigException", why)
    if any(len(name) > 255 for name in names):
        raise ServiceError("InvalidAlarmConfigException", "An alarm's name is longer than 255 characters")
    if len(names) > MOST_ALARMS:
        why = f"The maximum number of alarms for a deployment group ({MOST_ALARMS}) was exceeded."
        raise ServiceError("AlarmsLimitExceededException", why)


def _style(style: Fields) -> None:
    for field, values in STYLES.items():
        if style.get(field) is not None:
            _among(values, "InvalidDeploymentStyleException", field)(style[field])


# In the order in which they are looked at.
RULES: dict[str, Rule] = {
    **dict.fromkeys(
        ("applicationName", "newApplicationName"),
        _matches(NAME, "InvalidApplicationNameException", "The application name"),
    ),
    **dict.fromkeys(
        ("deploymentGroupName", "currentDeploymentGroupName", "newDeploymentGroupName"),
        _matches(NAME, "InvalidDeploymentGroupNameException", "The deployment group name"),
    ),
    "deploymentConfigName": _matches(NAME, "InvalidDeploymentConfigNameException", "The deployment configuration name"),
    "deploymentId": _matches(DEPLOYMENT, "InvalidDeploymentIdException", "The deployment ID"),
    "deploymentIds": _each(_matches(DEPLOYMENT, "InvalidDeploymentIdException", "The deployment ID")),
    "ResourceArn": _matches(ARN, "InvalidArnException", "The ARN"),
    "nextToken": _matches(re.compile("[0-9]+"), "InvalidNextTokenException", "The next token"),
    "computePlatform": _among(("Server", "Lambda", "ECS"), "InvalidComputePlatformException", "The compute platform"),
    "revision": _revision,
    "revisions": _each(_revision),
    "fileExistsBehavior": _among(
        ("DISALLOW", "OVERWRITE", "RETAIN"), "InvalidFileExistsBehaviorException", "fileExistsBehavior"
    ),
    "minimumHealthyHosts": _healthy_hosts,
    "deploymentStyle": _style,
    "autoRollbackConfiguration": _rollback,
    "alarmConfiguration": _alarms,
    "overrideAlarmConfiguration": _alarms,
}


def refuse_own_prefix(name: str) -> None:
    """The names that begin so are AWS's own.

    https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-configurations.html
    """
    if name.startswith("CodeDeployDefault."):
        why = f"The deployment configuration name begins with a reserved prefix: {name}"
        raise ServiceError("InvalidDeploymentConfigNameException", why)


def refuse_group(group: Fields) -> None:
    """What does not go together in a deployment group, as it is afterwards.

    https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_CreateDeploymentGroup.html (Errors)
    """
    balancers = [one for kind in BALANCERS for one in (group.get("loadBalancerInfo") or {}).get(kind) or []]
    controlled = (group.get("deploymentStyle") or {}).get("deploymentOption") == "WITH_TRAFFIC_CONTROL"
    if controlled and not balancers:
        said = "The deploymentOption value is set to WITH_TRAFFIC_CONTROL"
        but = "but either no load balancer was specified in elbInfoList or no target group in targetGroupInfoList"
        why = f"The specification for load balancing in the deployment group is invalid. {said}, {but}."
        raise ServiceError("InvalidLoadBalancerInfoException", why)
    if group.get("ec2TagFilters") and (group.get("ec2TagSet") or {}).get("ec2TagSetList"):
        why = "Only one of ec2TagFilters and ec2TagSet can be used."
        raise ServiceError("InvalidEC2TagCombinationException", why)

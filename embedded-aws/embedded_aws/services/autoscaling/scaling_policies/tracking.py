"""The two alarms by which target tracking watches its metric."""

from __future__ import annotations

import uuid
from typing import Any

from moto.autoscaling.exceptions import ValidationError

from embedded_aws.account import backends

PERIOD = 60
# What AWS's alarms look like, as DescribeAlarms shows them; it is not in the documentation.
HIGH, LOW = ("High", "GreaterThanThreshold", 3), ("Low", "LessThanThreshold", 15)
LOW_PART = 0.7  # of the target, so that a group does not go to and fro

# https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_PredefinedMetricSpecification.html
OF_GROUP = {
    "ASGAverageCPUUtilization": "CPUUtilization",
    "ASGAverageNetworkIn": "NetworkIn",
    "ASGAverageNetworkOut": "NetworkOut",
}
PER_TARGET = "ALBRequestCountPerTarget"


def configuration(sent: dict[str, Any] | None) -> dict[str, Any]:
    """A target tracking configuration as DescribePolicies answers it.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_TargetTrackingConfiguration.html
    """
    if not sent or ("PredefinedMetricSpecification" in sent) == ("CustomizedMetricSpecification" in sent):
        raise ValidationError("Either a predefined or a customized metric specification must be given, and not both.")
    return {**sent, "TargetValue": float(sent["TargetValue"]), "DisableScaleIn": bool(sent.get("DisableScaleIn"))}


def metric(group_name: str, config: dict[str, Any]) -> dict[str, Any]:
    """The metric that is watched, in the words of moto's put_metric_alarm."""
    if custom := config.get("CustomizedMetricSpecification"):
        return _customized(custom)
    predefined = config["PredefinedMetricSpecification"]
    kind = predefined["PredefinedMetricType"]
    if kind == PER_TARGET:
        return _per_target(predefined.get("ResourceLabel") or "")
    if kind not in OF_GROUP:
        raise NotImplementedError(f"target tracking by {kind}")
    dimensions = {"AutoScalingGroupName": group_name}
    return _watched("AWS/EC2", OF_GROUP[kind], "Average", dimensions)


def put_alarms(policy: dict[str, Any]) -> None:
    """Create the alarms of a policy, or change those that it has."""
    config, arn, name = policy["TargetTrackingConfiguration"], policy["PolicyARN"], policy["AutoScalingGroupName"]
    cloudwatch = backends.backend("cloudwatch", arn.split(":")[3])
    watched = metric(name, config)
    for side, comparison, periods in (HIGH,) if config["DisableScaleIn"] else (HIGH, LOW):
        part = LOW_PART if side == "Low" else 1.0
        found = [alarm.name for alarm in alarms(cloudwatch, arn) if alarm.comparison_operator == comparison]
        cloudwatch.put_metric_alarm(
            name=found[0] if found else f"TargetTracking-{name}-Alarm{side}-{uuid.uuid4()}",
            description=f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {arn}.",
            comparison_operator=comparison,
            evaluation_periods=periods,
            threshold=round(config["TargetValue"] * part, 6),
            alarm_actions=[arn],
            **watched,
        )
    if config["DisableScaleIn"]:
        low = [alarm.name for alarm in alarms(cloudwatch, arn) if alarm.comparison_operator == LOW[1]]
        cloudwatch.delete_alarms(low)


def alarms(cloudwatch: Any, arn: str) -> list[Any]:
    """The alarms that have a policy executed, target tracking's own or others."""
    return [
        alarm
        for alarm in cloudwatch.alarms.values()
        if arn in (*alarm.alarm_actions, *alarm.ok_actions, *alarm.insufficient_data_actions)
    ]


def _customized(custom: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CustomizedMetricSpecification.html."""
    queries = custom.get("Metrics") or []
    if len(queries) > 1 or any("Expression" in query for query in queries):
        raise NotImplementedError("target tracking by metric math")
    if queries:
        stat = queries[0]["MetricStat"]
        custom = {**stat["Metric"], "Statistic": stat["Stat"], "Unit": stat.get("Unit"), "Period": stat.get("Period")}
    dimensions = {dimension["Name"]: dimension["Value"] for dimension in custom.get("Dimensions") or []}
    found = _watched(custom["Namespace"], custom["MetricName"], custom["Statistic"], dimensions)
    return found | {"unit": custom.get("Unit"), "period": int(custom.get("Period") or PERIOD)}


def _per_target(label: str) -> dict[str, Any]:
    """A label is such as app/<balancer>/<id>/targetgroup/<name>/<id>."""
    balancer, _, group = label.partition("/targetgroup/")
    if not group or not balancer.startswith("app/"):
        raise ValidationError(f"A resource label app/.../targetgroup/... is required for {PER_TARGET}, not '{label}'.")
    dimensions = {"LoadBalancer": balancer, "TargetGroup": f"targetgroup/{group}"}
    return _watched("AWS/ApplicationELB", "RequestCountPerTarget", "Sum", dimensions)


def _watched(namespace: str, name: str, statistic: str, dimensions: dict[str, str]) -> dict[str, Any]:
    return {
        "namespace": namespace,
        "metric_name": name,
        "statistic": statistic,
        "period": PERIOD,
        "dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
    }

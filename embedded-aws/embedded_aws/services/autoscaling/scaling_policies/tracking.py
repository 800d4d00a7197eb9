"""The two alarms of a target tracking policy."""

from __future__ import annotations

import uuid
from typing import Any

from moto.autoscaling.exceptions import ValidationError

from embedded_aws.account import backends

PERIOD = 60  # seconds
# AWS's alarms as DescribeAlarms shows them (undocumented): side, comparison, evaluation periods.
HIGH, LOW = ("High", "GreaterThanThreshold", 3), ("Low", "LessThanThreshold", 15)
LOW_FACTOR = 0.7  # of the target, so that a group does not oscillate

# https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_PredefinedMetricSpecification.html
GROUP_METRICS = {
    "ASGAverageCPUUtilization": "CPUUtilization",
    "ASGAverageNetworkIn": "NetworkIn",
    "ASGAverageNetworkOut": "NetworkOut",
}
REQUESTS_PER_TARGET = "ALBRequestCountPerTarget"


def normalize_configuration(params: dict[str, Any] | None) -> dict[str, Any]:
    """Return a target tracking configuration as DescribePolicies returns it.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_TargetTrackingConfiguration.html
    """
    if not params or ("PredefinedMetricSpecification" in params) == ("CustomizedMetricSpecification" in params):
        raise ValidationError("Either a predefined or a customized metric specification must be given, and not both.")
    return {**params, "TargetValue": float(params["TargetValue"]), "DisableScaleIn": bool(params.get("DisableScaleIn"))}


def get_metric(group_name: str, config: dict[str, Any]) -> dict[str, Any]:
    """Return the tracked metric, as arguments of moto's put_metric_alarm."""
    if custom := config.get("CustomizedMetricSpecification"):
        return _customized_metric(custom)
    predefined = config["PredefinedMetricSpecification"]
    metric_type = predefined["PredefinedMetricType"]
    if metric_type == REQUESTS_PER_TARGET:
        return _requests_per_target(predefined.get("ResourceLabel") or "")
    if metric_type not in GROUP_METRICS:
        raise NotImplementedError(f"target tracking by {metric_type}")
    dimensions = {"AutoScalingGroupName": group_name}
    return _metric_arguments("AWS/EC2", GROUP_METRICS[metric_type], "Average", dimensions)


def put_alarms(policy: dict[str, Any]) -> None:
    """Create or update the alarms of a policy."""
    config, arn, name = policy["TargetTrackingConfiguration"], policy["PolicyARN"], policy["AutoScalingGroupName"]
    cloudwatch = backends.backend("cloudwatch", arn.split(":")[3])
    metric = get_metric(name, config)
    for side, comparison, periods in (HIGH,) if config["DisableScaleIn"] else (HIGH, LOW):
        factor = LOW_FACTOR if side == "Low" else 1.0
        names = [alarm.name for alarm in find_alarms(cloudwatch, arn) if alarm.comparison_operator == comparison]
        cloudwatch.put_metric_alarm(
            name=names[0] if names else f"TargetTracking-{name}-Alarm{side}-{uuid.uuid4()}",
            description=f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {arn}.",
            comparison_operator=comparison,
            evaluation_periods=periods,
            threshold=round(config["TargetValue"] * factor, 6),
            alarm_actions=[arn],
            **metric,
        )
    if config["DisableScaleIn"]:
        low = [alarm.name for alarm in find_alarms(cloudwatch, arn) if alarm.comparison_operator == LOW[1]]
        cloudwatch.delete_alarms(low)


def find_alarms(cloudwatch: Any, arn: str) -> list[Any]:
    """Return the alarms that execute a policy, target tracking's own or others."""
    return [
        alarm
        for alarm in cloudwatch.alarms.values()
        if arn in (*alarm.alarm_actions, *alarm.ok_actions, *alarm.insufficient_data_actions)
    ]


def _customized_metric(custom: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CustomizedMetricSpecification.html."""
    queries = custom.get("Metrics") or []
    if len(queries) > 1 or any("Expression" in query for query in queries):
        raise NotImplementedError("target tracking by metric math")
    if queries:
        stat = queries[0]["MetricStat"]
        custom = {**stat["Metric"], "Statistic": stat["Stat"], "Unit": stat.get("Unit"), "Period": stat.get("Period")}
    dimensions = {dimension["Name"]: dimension["Value"] for dimension in custom.get("Dimensions") or []}
    metric = _metric_arguments(custom["Namespace"], custom["MetricName"], custom["Statistic"], dimensions)
    return metric | {"unit": custom.get("Unit"), "period": int(custom.get("Period") or PERIOD)}


def _requests_per_target(label: str) -> dict[str, Any]:
    """Return the metric for a label app/<balancer>/<id>/targetgroup/<name>/<id>."""
    balancer, _, group = label.partition("/targetgroup/")
    if not group or not balancer.startswith("app/"):
        problem = f"is required for {REQUESTS_PER_TARGET}, not '{label}'."
        raise ValidationError(f"A resource label app/.../targetgroup/... {problem}")
    dimensions = {"LoadBalancer": balancer, "TargetGroup": f"targetgroup/{group}"}
    return _metric_arguments("AWS/ApplicationELB", "RequestCountPerTarget", "Sum", dimensions)


def _metric_arguments(namespace: str, name: str, statistic: str, dimensions: dict[str, str]) -> dict[str, Any]:
    return {
        "namespace": namespace,
        "metric_name": name,
        "statistic": statistic,
        "period": PERIOD,
        "dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
    }

"""An alarm of CloudWatch on one metric."""

from __future__ import annotations

from typing import Any

from ..aws.client import Aws
from ..aws.permissions import to_apply, to_destroy, to_look
from ..aws.snapshot import Snapshot
from .base import Ids, Observed, Resource, is_owned, kind
from .tagging import Tagging
from .topic import Topic

_ON = "cloudwatch:alarm:{env}-{self.name}"


@kind
class Alarm(Resource):
    """Notifies a topic when a metric is beyond its threshold, and when it is back.

    Args:
        metric: Namespace and name, e.g. ``AWS/RDS CPUUtilization``.
        dimensions: What it is about: the name of each dimension, a text with ``{}`` for an id, and whose id that is.
        statistic: ``Average``, ``Sum``, ``Minimum``, ``Maximum``, or a percentile such as ``p90``.
        comparison: ``>`` or ``<``.
        periods: How many minutes in a row have to be beyond the threshold.
        missing: What a minute without data counts as, in CloudWatch's words.
        why: What it means, and where to look; part of the notification.
    """

    metric: str
    dimensions: tuple[tuple[str, str, Resource], ...]
    statistic: str
    comparison: str
    threshold: float
    periods: int
    topic: Topic
    why: str
    missing: str = "notBreaching"

    needs = (
        to_look("cloudwatch:DescribeAlarms", on="cloudwatch:alarm:*", label="alarms"),
        to_look("cloudwatch:ListTagsForResource", on=_ON),
        to_apply("cloudwatch:PutMetricAlarm", "cloudwatch:TagResource", on=_ON),
        to_destroy("cloudwatch:DeleteAlarms", on=_ON),
    )

    def desired(self, ids: Ids) -> dict[str, Any]:
        """Expect each dimension as CloudWatch shows it, one minute for each period, and actions that are enabled."""
        wanted = {**super().desired(ids), "threshold": float(self.threshold), "period": 60, "enabled": True}
        return {**wanted, "dimensions": frozenset(f"{name}={value}" for name, value in self._dimensions(ids))}

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Look the alarm up by its name; one call lists all alarms of the environment."""
        name = self.aws_name(snapshot.aws)
        prefix = f"{snapshot.aws.env}-"
        listed = snapshot.all("cloudwatch", "describe_alarms", "MetricAlarms", AlarmNamePrefix=prefix)
        alarm = next((alarm for alarm in listed if alarm["AlarmName"] == name), None)
        if alarm is None:
            return None
        arn, gone = alarm["AlarmArn"], ("ResourceNotFound", "ResourceNotFoundException")
        tags = snapshot.get("cloudwatch", "list_tags_for_resource", missing=gone, ResourceARN=arn)
        if not is_owned(snapshot, self, tags):
            return None
        actions = frozenset((tuple(alarm["AlarmActions"]), tuple(alarm["OKActions"])))
        state = {
            "metric": f"{alarm['Namespace']} {alarm['MetricName']}",
            "dimensions": frozenset(f"{one['Name']}={one['Value']}" for one in alarm["Dimensions"]),
            "statistic": alarm["Statistic"] or alarm["ExtendedStatistic"],
            "comparison": _SIGNS.get(alarm["ComparisonOperator"], alarm["ComparisonOperator"]),
            "threshold": alarm["Threshold"],
            "period": alarm["Period"],
            "periods": alarm["EvaluationPeriods"],
            "topic": alarm["AlarmActions"][0] if actions == {(ids.get(self.topic),)} else sorted(alarm["AlarmActions"]),
            "why": alarm["AlarmDescription"],
            "missing": alarm["TreatMissingData"] or "missing",
            "enabled": alarm["ActionsEnabled"],
        }
        status = alarm["StateValue"].replace("_", " ").lower()
        return Observed(name, state, status=status, tagging=Tagging.of("cloudwatch", arn, tags))

    def create(self, aws: Aws, ids: Ids) -> None:
        """Put the alarm with its tags, which CloudWatch takes only with a new one."""
        aws.cloudwatch.put_metric_alarm(**self._request(aws, ids), Tags=aws.tags(self))

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        """Put the whole alarm; it keeps its state."""
        aws.cloudwatch.put_metric_alarm(**self._request(aws, ids))

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Delete the alarm."""
        aws.cloudwatch.delete_alarms(AlarmNames=[observed.id])

    def _request(self, aws: Aws, ids: Ids) -> dict[str, Any]:
        namespace, _, metric = self.metric.partition(" ")
        statistic = "ExtendedStatistic" if self.statistic.startswith("p") else "Statistic"
        return {
            "AlarmName": self.aws_name(aws),
            "AlarmDescription": self.why,
            "ActionsEnabled": True,
            "AlarmActions": [ids[self.topic]],
            "OKActions": [ids[self.topic]],
            "Namespace": namespace,
            "MetricName": metric,
            "Dimensions": [{"Name": name, "Value": value} for name, value in self._dimensions(ids)],
            statistic: self.statistic,
            "ComparisonOperator": next(name for name, sign in _SIGNS.items() if sign == self.comparison),
            "Threshold": float(self.threshold),
            "Period": 60,
            "EvaluationPeriods": self.periods,
            "TreatMissingData": self.missing,
        }

    def _dimensions(self, ids: Ids) -> list[tuple[str, str]]:
        return [(name, text.format(dimension(ids.get(each, each.key)))) for name, text, each in self.dimensions]


_SIGNS = {"GreaterThanThreshold": ">", "LessThanThreshold": "<"}


def dimension(own_id: str) -> str:
    """An id as the dimensions of metrics have it: of a load balancer and a target group, the end of the ARN.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
    """
    if ":elasticloadbalancing:" not in own_id:
        return own_id
    return own_id.rpartition(":")[2].removeprefix("loadbalancer/")
